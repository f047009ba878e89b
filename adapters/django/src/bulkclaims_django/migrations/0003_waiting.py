"""What waits for a payer, and what workers keep for a while."""

from __future__ import annotations

from django.db import migrations, models

from bulkclaims_django.fields import DigestField, ExactCharField


class Migration(migrations.Migration):
    """Makes room for it."""

    dependencies = (("bulkclaims", "0002_workers"),)

    operations = (
        migrations.AddField("Job", "waiting_until", models.FloatField(null=True)),
        migrations.AddField("Job", "waiting_for", ExactCharField(default="", db_default="", max_length=500)),
        migrations.AddField("Chunk", "parked_until", models.FloatField(null=True)),
        migrations.AddField("Limit", "postponed_until", models.FloatField(default=0.0, db_default=0.0)),
        migrations.CreateModel(
            "Kept",
            [
                ("pk", models.CompositePrimaryKey("scope", "mark", blank=True, editable=False, serialize=False)),
                ("scope", ExactCharField(max_length=255)),
                ("mark", DigestField()),
                ("payload", models.BinaryField()),
                ("lapses_at", models.FloatField()),
            ],
            {
                "default_permissions": (),
                "indexes": [models.Index(fields=["lapses_at"], name="bulkclaims_kept_lapses")],
            },
        ),
    )
