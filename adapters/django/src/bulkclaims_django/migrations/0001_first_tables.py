"""Jobs, their chunks and results, rates and tokens."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.deletion import CASCADE

from bulkclaims_django.fields import DigestField, ExactCharField, ExactTextField


class Migration(migrations.Migration):
    """Makes the tables."""

    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            "Job",
            [
                ("id", ExactCharField(max_length=36, primary_key=True, serialize=False)),
                ("organisation", ExactCharField(max_length=255)),
                ("upload_key", ExactCharField(max_length=64, null=True)),
                ("search_name", ExactTextField()),
                ("request", ExactTextField()),
                ("salt", models.BinaryField()),
                ("status", ExactCharField(max_length=16, null=True)),
                ("total_rows", models.IntegerField()),
                ("succeeded", models.IntegerField()),
                ("failed", models.IntegerField()),
                ("refused", models.IntegerField()),
                ("cancel_requested", models.BooleanField()),
                ("problem", ExactTextField()),
                ("run", models.IntegerField()),
                ("answered_before", models.IntegerField()),
                ("deadline_seconds", models.FloatField(null=True)),
                ("begun_at", models.FloatField()),
                ("created_at", models.FloatField(null=True)),
                ("queued_at", models.FloatField(null=True)),
                ("started_at", models.FloatField(null=True)),
                ("worker_seen_at", models.FloatField(null=True)),
                ("ended_at", models.FloatField(null=True)),
                ("deadline_at", models.FloatField(null=True)),
                ("upload", ExactTextField(null=True)),
            ],
            {
                "indexes": [
                    models.Index(fields=["organisation", "created_at", "begun_at"], name="bulkclaims_job_newest"),
                    models.Index(fields=["status", "created_at"], name="bulkclaims_job_waiting"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "upload_key"), name="bulkclaims_job_upload_key")
                ],
            },
        ),
        migrations.CreateModel(
            "Chunk",
            [
                ("pk", models.CompositePrimaryKey("job_id", "number", blank=True, editable=False, serialize=False)),
                ("job", models.ForeignKey("bulkclaims.job", CASCADE, related_name="+", db_index=False)),
                ("number", models.IntegerField()),
                ("rows", models.IntegerField()),
                ("answered", models.IntegerField()),
                ("fence", models.IntegerField()),
                ("attempts", models.IntegerField()),
                ("worker", ExactCharField(max_length=255)),
                ("lease_until", models.FloatField(null=True)),
                ("rung_at", models.FloatField(null=True)),
            ],
            {"default_permissions": ()},
        ),
        migrations.CreateModel(
            "Payload",
            [
                ("pk", models.CompositePrimaryKey("job_id", "chunk", blank=True, editable=False, serialize=False)),
                (
                    "job",
                    models.ForeignKey("bulkclaims.job", CASCADE, related_name="+", db_index=False, db_constraint=False),
                ),
                ("chunk", models.IntegerField()),
                ("payload", models.BinaryField()),
            ],
            {"default_permissions": ()},
        ),
        migrations.CreateModel(
            "Result",
            [
                (
                    "pk",
                    models.CompositePrimaryKey("job_id", "chunk", "row", blank=True, editable=False, serialize=False),
                ),
                (
                    "job",
                    models.ForeignKey("bulkclaims.job", CASCADE, related_name="+", db_index=False, db_constraint=False),
                ),
                ("chunk", models.IntegerField()),
                ("row", models.IntegerField()),
                ("success", models.BooleanField()),
                ("status", ExactTextField()),
                ("asked", models.IntegerField()),
                ("refused", models.BooleanField()),
                ("reopened", models.BooleanField()),
                ("fingerprint", DigestField(null=True)),
                ("payload", models.BinaryField()),
            ],
            {
                "default_permissions": (),
                "indexes": [models.Index(fields=["fingerprint"], name="bulkclaims_result_fingerprint")],
            },
        ),
        migrations.CreateModel(
            "Limit",
            [
                ("account", ExactCharField(max_length=255, primary_key=True, serialize=False)),
                ("free_at", models.FloatField()),
                ("day", models.IntegerField()),
                ("spent", models.IntegerField()),
            ],
            {"default_permissions": ()},
        ),
        migrations.CreateModel(
            "Token",
            [
                ("id", ExactCharField(max_length=64, primary_key=True, serialize=False)),
                ("organisation", ExactCharField(max_length=255)),
                ("user", ExactTextField()),
                ("role", ExactCharField(max_length=16)),
                ("digest", DigestField()),
                ("created_at", models.FloatField()),
                ("expires_at", models.FloatField(null=True)),
                ("revoked_at", models.FloatField(null=True)),
            ],
            {"indexes": [models.Index(fields=["organisation", "created_at"], name="bulkclaims_token_oldest")]},
        ),
    )
