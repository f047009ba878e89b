"""What every `AccessStore` must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.testing.contracts.scenes import LONG, crowd

if TYPE_CHECKING:
    from bulkclaims.interfaces import AccessStore

SEALED = b"\x00sealed\xff" * 500


def _kept(access: AccessStore, account: str = "optum") -> tuple[int, bytes] | None:
    found = access.find_access(account)
    return None if found is None else (found.serial, found.payload)


class AccessStoreContract:
    """
    Every promise of `bulkclaims.interfaces.AccessStore`.

    A subclass, named `Test…`, has a fixture `access` that gives each test an empty store. No test waits: who fetches
    for 0 seconds is late at once.
    """

    def test_nothing_is_there_at_first(self, access: AccessStore) -> None:
        """Nor while the first token is being fetched."""
        assert access.find_access("optum") is None
        assert access.begin_access("optum", 0, LONG) is True
        assert access.find_access("optum") is None

    def test_a_token_comes_back_as_it_was(self, access: AccessStore) -> None:
        """Byte for byte, with its number, and for how long it is still good."""
        access.begin_access("optum", 0, LONG)
        access.keep_access("optum", 0, SEALED, LONG)
        found = access.find_access("optum")
        assert found is not None
        assert (found.serial, found.payload) == (1, SEALED)
        assert found.seconds_left == pytest.approx(LONG, abs=LONG / 2)
        assert "sealed" not in repr(found)

    def test_an_old_token_is_found_all_the_same(self, access: AccessStore) -> None:
        """With less than no time left: its number is needed to replace it."""
        access.begin_access("optum", 0, LONG)
        access.keep_access("optum", 0, SEALED, -1)
        found = access.find_access("optum")
        assert found is not None
        assert found.seconds_left < 0

    def test_one_fetches_each_token(self, access: AccessStore) -> None:
        """Nobody else while it does; and who comes late, with an older number, looks again."""
        for after in range(3):
            assert access.begin_access("optum", after, LONG) is True
            assert access.begin_access("optum", after, LONG) is False
            access.keep_access("optum", after, b"%d" % after, LONG)
            assert access.begin_access("optum", after, LONG) is False
            assert _kept(access) == (after + 1, b"%d" % after)

    def test_nobody_fetches_what_follows_no_token(self, access: AccessStore) -> None:
        """A number that was never given has nothing to follow it."""
        assert access.begin_access("optum", 1, LONG) is False
        access.begin_access("optum", 0, LONG)
        assert access.begin_access("optum", 1, LONG) is False

    def test_a_fetcher_that_died_is_followed(self, access: AccessStore) -> None:
        """Once its seconds have passed another one fetches, the first token or a later one."""
        for after in range(2):
            assert access.begin_access("optum", after, 0) is True
            assert access.begin_access("optum", after, LONG) is True
            access.keep_access("optum", after, SEALED, LONG)

    def test_a_fetcher_that_gave_up_is_followed_at_once(self, access: AccessStore) -> None:
        """Without having been there nobody can give up, and giving up what is fetched by now does nothing."""
        access.leave_access("optum", 0)
        access.begin_access("optum", 0, LONG)
        access.leave_access("optum", 0)
        assert access.begin_access("optum", 0, LONG) is True
        access.keep_access("optum", 0, SEALED, LONG)
        access.begin_access("optum", 1, LONG)
        access.leave_access("optum", 0)
        assert access.begin_access("optum", 1, LONG) is False

    def test_a_late_fetcher_changes_nothing(self, access: AccessStore) -> None:
        """Of two tokens that follow the same one the first that is kept stays."""
        for _ in range(2):
            access.begin_access("optum", 0, 0)
        access.keep_access("optum", 0, b"first", LONG)
        access.keep_access("optum", 0, b"second", LONG)
        assert _kept(access) == (1, b"first")

    def test_accounts_share_no_token(self, access: AccessStore) -> None:
        """Whatever case their names are in, and trailing blanks included."""
        for account in ("optum", "OPTUM", "optum "):
            assert access.begin_access(account, 0, LONG) is True
            access.keep_access(account, 0, account.encode(), LONG)
        assert [_kept(access, account) for account in ("optum", "OPTUM", "optum ")] == [
            (1, b"optum"),
            (1, b"OPTUM"),
            (1, b"optum "),
        ]

    def test_of_many_at_the_same_moment_one_fetches(self, access: AccessStore) -> None:
        """The first token, and the one that follows."""
        for after in range(2):
            assert sum(crowd(lambda _, after=after: access.begin_access("optum", after, LONG))) == 1  # type: ignore[misc]
            access.keep_access("optum", after, SEALED, LONG)
