"""The side that rings: it names the function that workers call, and needs nothing of what they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import DefaultSerializer

from bulkclaims.errors import DispatchFailed, SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attrs import Attribute
    from rq.queue import EnqueueData

    from bulkclaims.jobs import Chunk

FAILURE_TTL = 24 * 60 * 60
"""Seconds that RQ keeps a failed job to be looked at; its own default is a year."""


def _is_not_pickled(_dispatcher: RqDispatcher, _attribute: Attribute[Queue], queue: Queue) -> None:
    if queue.serializer is DefaultSerializer:
        raise SettingsWrong(
            f"The RQ queue {queue.name!r} pickles its jobs, so whoever can write to it could run code in the workers; "
            "make it with Queue(..., serializer=JSONSerializer) and start its workers with "
            "--serializer rq.serializers.JSONSerializer."
        )


@frozen
class RqDispatcher:
    """
    Puts chunks on an RQ queue. A `bulkclaims.interfaces.Dispatcher`.

    Args:
        queue: The host's queue, made with `serializer=JSONSerializer`.
        function: Dotted path of what the host made with `chunk_function`.
        timeout: Seconds after which RQ ends a chunk that hangs. More than a job's deadline, which ends it properly.

    Raises:
        SettingsWrong: The queue pickles its jobs.
    """

    queue: Queue = field(validator=_is_not_pickled)
    function: str
    timeout: int = 60 * 60

    def dispatch(self, chunks: Sequence[Chunk]) -> None:  # noqa: D102 -- the contract stands in `interfaces.Dispatcher`
        try:
            self.queue.enqueue_many([self._job(chunk) for chunk in chunks])
        except RedisError as error:
            raise DispatchFailed(
                "The RQ queue did not take the chunks; check that its server runs, can be reached and has room."
            ) from error

    def _job(self, chunk: Chunk) -> EnqueueData:
        return Queue.prepare_data(
            self.function,
            args=(chunk.job_id, chunk.number),
            description=f"bulkclaims chunk {chunk.number} of job {chunk.job_id}",
            timeout=self.timeout,
            result_ttl=0,
            failure_ttl=FAILURE_TTL,
        )
