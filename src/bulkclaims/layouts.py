"""How an organisation's files name their columns, as it said with earlier ones."""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import field, frozen

from bulkclaims.errors import PayloadUnreadable
from bulkclaims.parsing.aliases import LONGEST, bare
from bulkclaims.parsing.columns import COLUMNS, require_known
from bulkclaims.privacy import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkclaims.interfaces import Cipher, KeptStore
    from bulkclaims.records import Heading

_log = logging.getLogger(__name__)

_MARK = sha256(b"bulkclaims.layouts.columns").digest()
"""There is one such entry for an organisation, so its mark says nothing of it."""
_SECONDS = 10 * 365 * 24 * 3600.0
_MOST = 200


def as_in_file(columns: Mapping[str, str | None], headings: Iterable[Heading]) -> dict[str, str | None]:
    """
    Put what was said of headings that are exactly our own names under these.

    Such a heading is read as its name, unless something else is remembered of just that spelling.
    """
    spelt = {bare(heading.text): heading.text for heading in headings if heading.text in COLUMNS}
    return {spelt.get(bare(heading), heading): column for heading, column in columns.items()}


@frozen
class SavedColumns:
    """
    Our column for each heading that an organisation has spoken of, kept for ten years from the last word on.

    Args:
        store: Shared by all who take uploads; a repository of this project is one.
        cipher: Seals what is kept.
    """

    store: KeptStore
    cipher: Cipher = field(repr=False)

    def find(self, organisation: str) -> dict[str, str]:
        """
        Find what was said; what cannot be opened is taken for not there.

        Raises:
            RepositoryUnavailable: The store cannot tell.
        """
        sealed = self.store.find_kept(organisation, [_MARK]).get(_MARK)
        return {} if sealed is None else self._opened(organisation, sealed)

    def remember(self, organisation: str, columns: Mapping[str, str | None]) -> None:
        """
        Add *columns* to what was said before, heading by heading; the last two hundred headings are kept.

        Args:
            organisation: Whose files are meant.
            columns: Our name for each of these headings, "" for none of ours, None to forget what was said of it.

        Raises:
            UploadRejected: A heading is mapped to a column that is not ours.
            RepositoryUnavailable: It was not kept.
        """
        require_known(columns.values())
        said = set(map(bare, columns))
        kept = {heading: column for heading, column in self.find(organisation).items() if bare(heading) not in said}
        kept |= {heading[:LONGEST]: column for heading, column in columns.items() if column is not None}
        last = dict(list(kept.items())[-_MOST:])
        sealed = self.cipher.seal(json.dumps([organisation, last], separators=(",", ":")).encode())
        self.store.keep(organisation, {_MARK: sealed}, _SECONDS)

    def _opened(self, organisation: str, sealed: bytes) -> dict[str, str]:
        try:
            told, columns = json.loads(self.cipher.open(sealed))
        except (PayloadUnreadable, ValueError) as error:
            _log.warning("What an organisation said of its columns cannot be read and is not used. %s", describe(error))
            return {}
        return dict(columns) if told == organisation else {}
