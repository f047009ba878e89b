"""Where chunks wait for workers: what the web process and the workers share."""

from __future__ import annotations

import os

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from bulkclaims_rq import RqDispatcher

queue = Queue("claims", connection=Redis.from_url(os.environ["REDIS_URL"]), serializer=JSONSerializer)
dispatcher = RqDispatcher(queue, "flask_rq.worker.run_chunk")
