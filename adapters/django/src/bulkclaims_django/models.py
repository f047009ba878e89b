"""
The tables.

They belong to `DjangoRepository`: read them as you like, and leave writing to it, since leases, counters and results
hang together. Times are epoch seconds by the database's clock (`clock.Now`).

Whatever `record` touches is kept narrow: rows as uploaded lie in a table of their own, for rewriting a chunk's counters
must not rewrite its payload.
"""

from __future__ import annotations

from django.db import models

from bulkclaims_django.fields import DigestField, ExactCharField, ExactTextField


class Job(models.Model):
    """An upload and what became of it."""

    id = ExactCharField(primary_key=True, max_length=36)
    organisation = ExactCharField(max_length=255)
    upload_key = ExactCharField(max_length=64, null=True)  # null where there is none: any number of them is unique
    search_name = ExactTextField()  # the file name as a search sees it
    request = ExactTextField()  # user, file name and defaults; JSON as text takes any character, PostgreSQL's own not
    salt = models.BinaryField()
    status = ExactCharField(max_length=16, null=True)  # null until published
    total_rows = models.IntegerField()
    succeeded = models.IntegerField()
    failed = models.IntegerField()
    refused = models.IntegerField()
    cancel_requested = models.BooleanField()
    problem = ExactTextField()
    run = models.IntegerField()
    answered_before = models.IntegerField()
    deadline_seconds = models.FloatField(null=True)
    begun_at = models.FloatField()
    created_at = models.FloatField(null=True)
    queued_at = models.FloatField(null=True)
    started_at = models.FloatField(null=True)
    worker_seen_at = models.FloatField(null=True)
    ended_at = models.FloatField(null=True)
    deadline_at = models.FloatField(null=True)
    # With defaults, as other columns of later versions, for processes of the version before.
    waiting_until = models.FloatField(null=True)
    waiting_for = ExactCharField(max_length=500, default="", db_default="")
    upload = ExactTextField(null=True)  # JSON; null until published

    objects = models.Manager["Job"]()

    class Meta:
        """How jobs are found."""

        indexes = (
            # A clock may tick in milliseconds, so that two jobs were created at once; but not begun at once, too.
            models.Index(fields=["organisation", "created_at", "begun_at"], name="bulkclaims_job_newest"),
            models.Index(fields=["status", "created_at"], name="bulkclaims_job_waiting"),
        )
        constraints = (
            models.UniqueConstraint(fields=["organisation", "upload_key"], name="bulkclaims_job_upload_key"),
        )

    def __str__(self) -> str:
        return str(self.pk)


class Chunk(models.Model):
    """Who runs some hundred rows of a job, and how many of them are answered."""

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(Job, models.CASCADE, related_name="+", db_index=False)  # the primary key begins with it
    number = models.IntegerField()
    rows = models.IntegerField()
    answered = models.IntegerField()
    fence = models.IntegerField()
    attempts = models.IntegerField()
    worker = ExactCharField(max_length=255)
    lease_until = models.FloatField(null=True)
    rung_at = models.FloatField(null=True)
    patience = models.IntegerField(default=1, db_default=1)  # for processes of the version before, too
    parked_until = models.FloatField(null=True)

    objects = models.Manager["Chunk"]()

    class Meta:
        """Nobody is given rights to it."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)


# Nothing but their own keys holds payloads and results to the database's jobs. A reference to the job would have
# writers wait for each other's share of its row, and MariaDB call it a deadlock; to a chunk, whose key has two columns,
# Django makes none.


class Payload(models.Model):
    """A chunk's rows as uploaded, sealed."""

    pk = models.CompositePrimaryKey("job_id", "chunk")
    job = models.ForeignKey(Job, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    chunk = models.IntegerField()
    payload = models.BinaryField()

    objects = models.Manager["Payload"]()

    class Meta:
        """Nobody is given rights to it."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)


class Result(models.Model):
    """The answer to one row, sealed."""

    # The chunk before the row, so that a chunk's results lie side by side.
    pk = models.CompositePrimaryKey("job_id", "chunk", "row")
    job = models.ForeignKey(Job, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    chunk = models.IntegerField()
    row = models.IntegerField()
    success = models.BooleanField()
    status = ExactTextField()
    asked = models.IntegerField()
    refused = models.BooleanField()
    reopened = models.BooleanField()  # by a retry: only `asked` still counts
    fingerprint = DigestField(null=True)
    payload = models.BinaryField()

    objects = models.Manager["Result"]()

    class Meta:
        """How an identical inquiry is found."""

        default_permissions = ()
        # Keyed with the job's own salt, so that no two jobs share one. With the job before it, SQLite would rather read
        # all results of the job.
        indexes = (models.Index(fields=["fingerprint"], name="bulkclaims_result_fingerprint"),)

    def __str__(self) -> str:
        return str(self.pk)


class Limit(models.Model):
    """When a payer account may be asked next."""

    account = ExactCharField(primary_key=True, max_length=255)
    free_at = models.FloatField()  # when the next slot may be used
    day = models.IntegerField()  # of the epoch, UTC
    spent = models.IntegerField()  # on that day
    postponed_until = models.FloatField(default=0.0, db_default=0.0)

    objects = models.Manager["Limit"]()

    class Meta:
        """Nobody is given rights to it."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)


class Share(models.Model):
    """How many look-ups at a time one worker may have at a payer account."""

    pk = models.CompositePrimaryKey("account", "holder")
    account = ExactCharField(max_length=255)
    holder = ExactCharField(max_length=255)
    slots = models.IntegerField()
    lapses_at = models.FloatField()

    objects = models.Manager["Share"]()

    class Meta:
        """Nobody is given rights to it."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)


class Kept(models.Model):
    """An answer or a ticket that workers keep for a while, sealed."""

    pk = models.CompositePrimaryKey("scope", "mark")
    scope = ExactCharField(max_length=255)  # an organisation or a job's id
    mark = DigestField()
    payload = models.BinaryField()
    lapses_at = models.FloatField()

    objects = models.Manager["Kept"]()

    class Meta:
        """How those that have lapsed are found; nobody is given rights to it."""

        default_permissions = ()
        indexes = (models.Index(fields=["lapses_at"], name="bulkclaims_kept_lapses"),)

    def __str__(self) -> str:
        return str(self.pk)


class Token(models.Model):
    """An API token without its secret."""

    id = ExactCharField(primary_key=True, max_length=64)
    organisation = ExactCharField(max_length=255)
    user = ExactTextField()
    role = ExactCharField(max_length=16)
    digest = DigestField()
    created_at = models.FloatField()
    expires_at = models.FloatField(null=True)
    revoked_at = models.FloatField(null=True)

    objects = models.Manager["Token"]()

    class Meta:
        """How an organisation's tokens are listed."""

        indexes = (models.Index(fields=["organisation", "created_at"], name="bulkclaims_token_oldest"),)

    def __str__(self) -> str:
        return str(self.pk)


class Worker(models.Model):
    """When a worker process last showed that it lives."""

    worker = ExactCharField(primary_key=True, max_length=255)
    seen_at = models.FloatField()

    objects = models.Manager["Worker"]()

    class Meta:
        """How those that live are counted; nobody is given rights to it."""

        default_permissions = ()
        indexes = (models.Index(fields=["seen_at"], name="bulkclaims_worker_seen"),)

    def __str__(self) -> str:
        return str(self.pk)


class Access(models.Model):
    """A payer account's access token, sealed."""

    account = ExactCharField(primary_key=True, max_length=255)
    serial = models.IntegerField()  # 0 while the first token is fetched
    payload = models.BinaryField()
    good_until = models.FloatField()
    fetched_until = models.FloatField()  # until then somebody fetches the next one

    objects = models.Manager["Access"]()

    class Meta:
        """Nobody is given rights to it."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)
