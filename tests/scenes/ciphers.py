"""A cipher as a host application would have it."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bulkclaims.errors import PayloadUnreadable


class AesCipher:
    """A host's own cipher, as the how-to page shows it."""

    def __init__(self, key):
        self.key = AESGCM(key)

    def seal(self, plain):
        """Encrypt under a nonce of its own."""
        nonce = os.urandom(12)
        return nonce + self.key.encrypt(nonce, plain, None)

    def open(self, sealed):
        """Decrypt, or refuse."""
        try:
            return self.key.decrypt(sealed[:12], sealed[12:], None)
        except (InvalidTag, ValueError):
            raise PayloadUnreadable("None of the keys is theirs.") from None
