"""Access tokens in a store that all workers share, sealed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import field, frozen

from bulkclaims.errors import PayloadUnreadable, SettingsWrong
from bulkclaims.privacy import PlainCipher, Secret

if TYPE_CHECKING:
    from attrs import Attribute

    from bulkclaims.interfaces import AccessStore, Cipher
    from bulkclaims.records import SealedAccess


def _encrypts(_: object, __: Attribute[Cipher], cipher: Cipher) -> None:
    if isinstance(cipher, PlainCipher):
        raise SettingsWrong("Access tokens are kept sealed: give SharedAccess a cipher that encrypts.")


@frozen
class Access:
    """An access token that is kept for all workers."""

    serial: int = 0
    """0 while none is kept."""
    token: Secret | None = None
    """None where none is kept, or none that can be read: it was sealed with a key of another time."""
    seconds_left: float = 0.0


@frozen
class SharedAccess:
    """
    Where the workers of a payer account keep its access token, so that it is fetched once for all of them.

    Args:
        store: Shared by all workers; a repository of this project is one.
        cipher: Seals what is kept.

    Raises:
        SettingsWrong: The cipher does nothing.
    """

    store: AccessStore
    cipher: Cipher = field(repr=False, validator=_encrypts)

    def find(self, account: str) -> Access:
        """
        Find the newest token.

        Raises:
            RepositoryUnavailable: The store cannot tell.
        """
        kept = self.store.find_access(account)
        return Access() if kept is None else Access(kept.serial, self._opened(account, kept), kept.seconds_left)

    def keep(self, account: str, after: int, token: str, seconds: float) -> None:
        """
        Keep the token that follows the one numbered *after*, good for *seconds*.

        Raises:
            RepositoryUnavailable: It was not kept.
        """
        # With its account: what was sealed for one is not to be taken for another's.
        sealed = self.cipher.seal(json.dumps({"account": account, "token": token}).encode())
        self.store.keep_access(account, after, sealed, seconds)

    def _opened(self, account: str, kept: SealedAccess) -> Secret | None:
        try:
            told = json.loads(self.cipher.open(kept.payload))
            return Secret(told["token"]) if told["account"] == account else None
        except (PayloadUnreadable, ValueError, TypeError, KeyError):
            return None
