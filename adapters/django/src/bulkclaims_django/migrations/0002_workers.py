"""What worker processes tell each other, and what they share."""

from __future__ import annotations

from django.db import migrations, models

from bulkclaims_django.fields import ExactCharField


class Migration(migrations.Migration):
    """Makes room for it."""

    dependencies = (("bulkclaims", "0001_first_tables"),)

    operations = (
        migrations.AddField("Chunk", "patience", models.IntegerField(default=1, db_default=1)),
        migrations.CreateModel(
            "Worker",
            [
                ("worker", ExactCharField(max_length=255, primary_key=True, serialize=False)),
                ("seen_at", models.FloatField()),
            ],
            {
                "default_permissions": (),
                "indexes": [models.Index(fields=["seen_at"], name="bulkclaims_worker_seen")],
            },
        ),
        migrations.CreateModel(
            "Share",
            [
                (
                    "pk",
                    models.CompositePrimaryKey("account", "holder", blank=True, editable=False, serialize=False),
                ),
                ("account", ExactCharField(max_length=255)),
                ("holder", ExactCharField(max_length=255)),
                ("slots", models.IntegerField()),
                ("lapses_at", models.FloatField()),
            ],
            {"default_permissions": ()},
        ),
        migrations.CreateModel(
            "Access",
            [
                ("account", ExactCharField(max_length=255, primary_key=True, serialize=False)),
                ("serial", models.IntegerField()),
                ("payload", models.BinaryField()),
                ("good_until", models.FloatField()),
                ("fetched_until", models.FloatField()),
            ],
            {"default_permissions": ()},
        ),
    )
