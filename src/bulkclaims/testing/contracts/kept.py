"""What every `KeptStore` must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkclaims.testing.contracts.scenes import LONG, OURS, crowd, finish, upload

if TYPE_CHECKING:
    from typing import Protocol

    from bulkclaims.interfaces import JobRepository, KeptStore

    class _Both(KeptStore, JobRepository, Protocol):
        """What keeps jobs, too."""


SEALED = b"\x00sealed\xff" * 500
MARK, OTHER = b"\x00" * 32, b"\xff" * 32
MANY = tuple(b"mark %03d" % number for number in range(300))


class KeptStoreContract:
    """
    Every promise of `bulkclaims.interfaces.KeptStore`.

    A subclass, named `Test…`, has a fixture `kept` that gives each test an empty store, safe to call from eight threads
    at a time. No test waits: what is kept for 0 seconds has lapsed at once.
    """

    def test_nothing_is_there_at_first(self, kept: KeptStore) -> None:
        """Nor is anything found when nothing is asked for."""
        assert dict(kept.find_kept("acme", [MARK])) == {}
        kept.keep("acme", {MARK: SEALED}, LONG)
        assert dict(kept.find_kept("acme", [])) == {}

    def test_what_was_kept_comes_back_as_it_was(self, kept: KeptStore) -> None:
        """Byte for byte, empty ones too, under its mark; marks with nothing under them bring nothing."""
        kept.keep("acme", {MARK: SEALED, OTHER: b""}, LONG)
        assert dict(kept.find_kept("acme", [MARK, OTHER, b"unknown"])) == {MARK: SEALED, OTHER: b""}
        assert dict(kept.find_kept("acme", {OTHER})) == {OTHER: b""}

    def test_some_hundred_fit_into_one_call(self, kept: KeptStore) -> None:
        """To keep, to find and to drop."""
        payloads = {mark: b"payload of " + mark for mark in MANY}
        kept.keep("acme", payloads, LONG)
        assert dict(kept.find_kept("acme", MANY)) == payloads
        kept.drop_kept("acme", MANY[1:])
        assert dict(kept.find_kept("acme", MANY)) == {MANY[0]: payloads[MANY[0]]}

    def test_the_later_takes_the_place_of_the_former(self, kept: KeptStore) -> None:
        """Payload and seconds alike, also of what has lapsed; new ones beside it are kept, and others left alone."""
        kept.keep("acme", {MARK: b"first", b"lapsed": b"first", b"alone": b"first"}, LONG)
        kept.keep("acme", {b"lapsed": b"second"}, 0)
        assert dict(kept.find_kept("acme", [b"lapsed"])) == {}
        kept.keep("acme", {MARK: b"third", OTHER: b"third", b"lapsed": b"third"}, LONG)
        found = kept.find_kept("acme", [MARK, OTHER, b"lapsed", b"alone"])
        assert dict(found) == {MARK: b"third", OTHER: b"third", b"lapsed": b"third", b"alone": b"first"}

    def test_the_same_may_be_kept_again(self, kept: KeptStore) -> None:
        """It is there as before; and to keep nothing does nothing."""
        for _ in range(2):
            kept.keep("acme", {MARK: SEALED}, LONG)
            kept.keep("acme", {}, LONG)
        assert dict(kept.find_kept("acme", [MARK])) == {MARK: SEALED}

    def test_what_has_lapsed_is_not_found(self, kept: KeptStore) -> None:
        """Also before anybody cleared it away."""
        kept.keep("acme", {MARK: SEALED}, 0)
        kept.keep("acme", {OTHER: SEALED}, LONG)
        assert dict(kept.find_kept("acme", [MARK, OTHER])) == {OTHER: SEALED}

    def test_what_was_dropped_is_gone(self, kept: KeptStore) -> None:
        """Dropping again, or nothing, or where nothing is, does nothing."""
        kept.keep("acme", {MARK: SEALED, OTHER: SEALED}, LONG)
        for _ in range(2):
            kept.drop_kept("acme", [MARK, b"unknown"])
            kept.drop_kept("acme", [])
            kept.drop_kept("nobody", [OTHER])
        assert dict(kept.find_kept("acme", [MARK, OTHER])) == {OTHER: SEALED}

    def test_scopes_share_nothing(self, kept: KeptStore) -> None:
        """Whatever case their names are in, trailing blanks and accents included."""
        scopes = ("acme", "ACME", "acme ", "acmé", "a" * 255)
        for scope in scopes:
            kept.keep(scope, {MARK: scope.encode()}, LONG)
        kept.drop_kept("ACME", [MARK])
        found = [kept.find_kept(scope, [MARK]).get(MARK) for scope in scopes]
        assert found == [b"acme", None, b"acme ", "acmé".encode(), b"a" * 255]

    def test_many_keep_at_the_same_moment(self, kept: KeptStore) -> None:
        """The same marks in any order: nothing is missing or doubled, and each has what somebody kept."""

        def keep(number: int) -> None:
            some = MANY[number : number + 20]
            kept.keep("acme", dict.fromkeys(reversed(some) if number % 2 else some, b"by %d" % number), LONG)

        crowd(keep)
        found = kept.find_kept("acme", MANY)
        assert set(found) == set(MANY[:27])
        assert {found[mark] for mark in MANY[7:20]} <= {b"by %d" % number for number in range(8)}

    def test_some_keep_while_others_drop(self, kept: KeptStore) -> None:
        """Nobody fails, and what was kept last is there."""
        kept.keep("acme", dict.fromkeys(MANY, b"first"), LONG)

        def act(number: int) -> None:
            if number % 2:
                kept.keep("acme", dict.fromkeys(MANY, b"early"), LONG)
            else:
                kept.drop_kept("acme", MANY)

        crowd(act)
        kept.keep("acme", dict.fromkeys(MANY, SEALED), LONG)
        assert set(kept.find_kept("acme", MANY).values()) == {SEALED}


class KeptWithJobsContract(KeptStoreContract):
    """Every promise of a `KeptStore` that is a `JobRepository`, too: what is kept for a job goes with it."""

    def test_a_deleted_job_takes_with_it_what_was_kept_for_it(self, kept: _Both) -> None:
        """What was kept for others, or for its organisation, stays."""
        job = finish(kept, upload(kept))
        for scope in (job.id, OURS, "another job"):
            kept.keep(scope, {MARK: SEALED}, LONG)
        kept.delete(OURS, job.id)
        found = [dict(kept.find_kept(scope, [MARK])) for scope in (job.id, OURS, "another job")]
        assert found == [{}, {MARK: SEALED}, {MARK: SEALED}]

    def test_a_purged_job_takes_with_it_what_was_kept_for_it(self, kept: _Both) -> None:
        """And what has not lapsed for others stays; nothing of it is counted."""
        job, running = finish(kept, upload(kept)), upload(kept)
        for scope in (job.id, running.id):
            kept.keep(scope, {MARK: SEALED}, LONG)
            kept.keep(scope, {OTHER: SEALED}, 0)
        assert kept.purge(LONG, LONG) == 0
        assert dict(kept.find_kept(job.id, [MARK, OTHER])) == {MARK: SEALED}
        assert kept.purge(0, LONG) == 1
        assert dict(kept.find_kept(job.id, [MARK])) == {}
        assert dict(kept.find_kept(running.id, [MARK])) == {MARK: SEALED}
