"""What workers keep for a while where all of them find it, sealed."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from bulkclaims.errors import PayloadUnreadable
from bulkclaims.privacy import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkclaims.interfaces import Cipher, KeptStore

_log = logging.getLogger(__name__)

_AT_A_TIME = 200
"""A store is promised that it is asked for some hundred entries at most."""


@frozen
class Kept:
    """
    Values of JSON in a `KeptStore`, sealed, each with the mark that it is for.

    Args:
        store: Shared by all workers; a repository of this project is one.
        cipher: Seals what is kept.
    """

    store: KeptStore
    cipher: Cipher = field(repr=False)

    async def find(self, scope: str, marks: Iterable[bytes]) -> dict[bytes, Any]:
        """
        Find what is kept under *marks*; what cannot be opened is taken for not there.

        Raises:
            RepositoryUnavailable: The store cannot tell.
        """
        found: dict[bytes, bytes] = {}
        for some in _pieces(list(marks)):
            found |= await asyncio.to_thread(self.store.find_kept, scope, some)
        return {mark: value[0] for mark, sealed in found.items() if (value := self._opened(mark, sealed))}

    async def keep(self, scope: str, values: Mapping[bytes, Any], seconds: float) -> None:
        """
        Keep *values* by their marks for *seconds*.

        Raises:
            RepositoryUnavailable: They were not kept.
        """
        sealed = [(mark, self._sealed(mark, value)) for mark, value in values.items()]
        for some in _pieces(sealed):
            await asyncio.to_thread(self.store.keep, scope, dict(some), seconds)

    async def drop(self, scope: str, marks: Iterable[bytes]) -> None:
        """
        Forget what is kept under *marks*.

        Raises:
            RepositoryUnavailable: It is kept until its time is over.
        """
        for some in _pieces(list(marks)):
            await asyncio.to_thread(self.store.drop_kept, scope, some)

    def _sealed(self, mark: bytes, value: Any) -> bytes:  # noqa: ANN401 -- whatever JSON holds
        # With its mark: what was sealed for one inquiry is not to be taken for another's.
        return self.cipher.seal(json.dumps([mark.hex(), value], separators=(",", ":")).encode())

    def _opened(self, mark: bytes, sealed: bytes) -> list[Any]:
        """The value in a list of one; none when it was sealed with a key of another time, or for another mark."""
        try:
            told, value = json.loads(self.cipher.open(sealed))
        except (PayloadUnreadable, ValueError) as error:
            _log.warning("What was kept of an earlier look-up cannot be read and is not used. %s", describe(error))
            return []
        return [value] if told == mark.hex() else []


def _pieces(entries: list[Any]) -> Iterable[list[Any]]:
    return (entries[first : first + _AT_A_TIME] for first in range(0, len(entries), _AT_A_TIME))
