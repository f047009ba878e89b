"""The side that rings: it sends by the task's name, and needs nothing of what the workers run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from kombu.exceptions import KombuError

from bulkclaims.errors import DispatchFailed
from bulkclaims_celery.names import RUN_CHUNK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery

    from bulkclaims.jobs import Chunk


@frozen
class CeleryDispatcher:
    """
    Sends chunks to a Celery queue. A `bulkclaims.interfaces.Dispatcher`.

    Args:
        app: The host's Celery application; its broker and routes are used as they are.
        queue: The queue to send to; where the application's routes lead when omitted.
    """

    app: Celery
    queue: str | None = None

    def dispatch(self, chunks: Sequence[Chunk]) -> None:  # noqa: D102 -- the contract stands in `interfaces.Dispatcher`
        try:
            for chunk in chunks:
                self._send(chunk)
        except KombuError as error:
            raise DispatchFailed(
                "The Celery broker did not take the chunks; check that it runs and that broker_url leads to it."
            ) from error

    def _send(self, chunk: Chunk) -> None:
        args = (chunk.job_id, chunk.number)
        self.app.send_task(
            RUN_CHUNK,
            args=args,
            argsrepr=repr(args),
            queue=self.queue,
            serializer="json",
            ignore_result=True,
        )
