"""What every `Cipher` must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import PayloadUnreadable
from bulkclaims.testing.contracts.properties import shared

if TYPE_CHECKING:
    from bulkclaims.interfaces import Cipher

PLAIN = b"Jane Doe, claim 1234567890"


class CipherContract:
    """
    What `bulkclaims.interfaces.Cipher` promises of any member, the one that does nothing included.

    A subclass, named `Test…`, has a fixture `cipher`.
    """

    @shared
    @given(plain=st.binary(max_size=2000))
    def test_what_was_sealed_is_given_back(self, cipher: Cipher, plain: bytes) -> None:
        """Any bytes, also none, come back as they were."""
        assert cipher.open(cipher.seal(plain)) == plain


class EncryptingCipherContract(CipherContract):
    """
    What `bulkclaims.interfaces.Cipher` promises of a member that holds a key.

    A subclass, named `Test…`, has a fixture `cipher`, and a fixture `stranger`: a cipher with another key.
    """

    def test_the_plain_text_is_hidden(self, cipher: Cipher) -> None:
        """Nothing of what was sealed can be read in the sealed bytes."""
        sealed = cipher.seal(PLAIN)
        assert not any(PLAIN[start : start + 4] in sealed for start in range(len(PLAIN) - 3))

    def test_equal_plain_texts_are_sealed_differently(self, cipher: Cipher) -> None:
        """Nobody can tell from the store that two rows are the same."""
        assert len({cipher.seal(PLAIN) for _ in range(5)}) == 5

    @shared
    @given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
    def test_damaged_bytes_are_refused(self, cipher: Cipher, place: float, flip: int) -> None:
        """A changed byte anywhere is `PayloadUnreadable`, never other plain text."""
        sealed = bytearray(cipher.seal(PLAIN))
        sealed[int(place * len(sealed))] ^= flip
        with pytest.raises(PayloadUnreadable):
            cipher.open(bytes(sealed))

    def test_bytes_of_another_length_are_refused(self, cipher: Cipher) -> None:
        """Cut, lengthened or plain bytes are `PayloadUnreadable`."""
        sealed = cipher.seal(PLAIN)
        for bad in (b"", sealed[:-1], sealed[1:], sealed[: len(sealed) // 2], sealed + b"\x00", PLAIN):
            with pytest.raises(PayloadUnreadable):
                cipher.open(bad)

    def test_another_key_opens_nothing(self, cipher: Cipher, stranger: Cipher) -> None:
        """What another key sealed is `PayloadUnreadable`, and the sentence tells nothing of the bytes."""
        with pytest.raises(PayloadUnreadable) as unreadable:
            cipher.open(stranger.seal(PLAIN))
        assert "Jane" not in str(unreadable.value)
