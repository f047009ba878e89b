"""
The workers: `rq worker --config flask_rq.worker --serializer rq.serializers.JSONSerializer`.

RQ imports this module for its settings when a worker starts, so that the process it forks for a chunk has it already.
"""

from __future__ import annotations

import logging
import os

from bulkclaims import BulkClaims, Secret
from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings
from bulkclaims_rq import chunk_function
from bulkclaims_sqlalchemy import open_repository
from flask_rq.queue import dispatcher, queue

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")

REDIS_URL = os.environ["REDIS_URL"]
QUEUES = [queue.name]

repository = open_repository(os.environ["DATABASE"])
payer = StediSettings(
    organization_name="Sample Clinic PC",
    base_url=os.environ["PAYER_URL"],
    api_key=Secret.from_environment("PAYER_KEY"),
)
processor = LookupProcessor(StediConnector(payer), limiter=repository)
run_chunk = chunk_function(BulkClaims(repository, processor, dispatcher=dispatcher))
