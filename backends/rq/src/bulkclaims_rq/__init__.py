"""
RQ as the doorbell: `RqDispatcher` rings where chunks are made, `chunk_function` answers where they are run.

RQ finds the function of a job by its dotted path, so the host makes it and says where it stands. A message holds a
job's id and a chunk's number.
"""

from __future__ import annotations

from bulkclaims_rq.dispatcher import FAILURE_TTL, RqDispatcher
from bulkclaims_rq.worker import chunk_function, schedule_sweep, sweep_function

__version__ = "0.1.0"
__all__ = ["FAILURE_TTL", "RqDispatcher", "chunk_function", "schedule_sweep", "sweep_function"]
