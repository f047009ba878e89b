"""Who tells that a job has ended: whoever's conditional UPDATE ended it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.jobs import Job
    from bulkclaims_django.transactions import Database

P = ParamSpec("P")


@frozen
class Ending:
    """A job as it stands after a call, and whether the call ended it."""

    job: Job
    by_us: bool = False


class Endings:
    """What the parts of the repository that may end a job have in common."""

    _database: Database
    _tell: Callable[[Job], None]

    def _end(self, body: Callable[Concatenate[str, P], Ending], *args: P.args, **kwargs: P.kwargs) -> Job:
        """Run *body* as a transaction, and tell of the end it brought about."""
        ending = self._database.write(body, *args, **kwargs)
        if ending.by_us:
            self._database.after_commit(partial(self._tell, ending.job))
        return ending.job
