"""
What a Django project can listen to.

`job_ended` is sent when a run of a job has ended, however it did: once for each end, in the process that ended it, and
after the transaction was committed. A process that is killed between commit and signal does not send it.

Receivers get `sender`, the class `DjangoRepository`, and `job`, a `bulkclaims.Job`. One that raises keeps no other from
being called, and ends nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

from bulkclaims.privacy import describe

__all__ = ["job_ended"]

log = logging.getLogger(__name__)


class _JobSignal(Signal):
    def _log_robust_failure(self, receiver: Any, err: Exception) -> None:  # noqa: ANN401 -- Django's own
        # Django's would log the exception with its traceback, which may quote a row.
        name = getattr(receiver, "__qualname__", type(receiver).__name__)
        log.error("The receiver %s of job_ended failed. %s", name, describe(err))


job_ended = _JobSignal()
