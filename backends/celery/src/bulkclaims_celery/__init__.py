"""
Celery as the doorbell: `CeleryDispatcher` rings where chunks are made, `register` answers where they are run.

The two sides share the name of one task and nothing else, so a web process needs neither the workers' code nor their
credentials. A message holds a job's id and a chunk's number.
"""

from __future__ import annotations

from bulkclaims_celery.dispatcher import CeleryDispatcher
from bulkclaims_celery.names import RUN_CHUNK, SWEEP
from bulkclaims_celery.worker import register, sweep_schedule

__version__ = "0.1.0"
__all__ = ["RUN_CHUNK", "SWEEP", "CeleryDispatcher", "register", "sweep_schedule"]
