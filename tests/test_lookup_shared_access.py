"""Access tokens shared by all workers: fetched once, replaced once, sealed, and never in anybody's way."""

import asyncio
import os
import threading

import httpx
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bulkclaims.errors import PayerUnavailable, PayloadUnreadable, RepositoryUnavailable, SettingsWrong
from bulkclaims.lookup.wire.shared_access import Access, SharedAccess
from bulkclaims.lookup.wire.tokens import ClientCredentials, TokenKeeper
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.privacy import PlainCipher, Secret
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

LONG = 3600.0


class AesCipher:
    """A host's own cipher."""

    def __init__(self, key=b"1" * 32):
        self.key = AESGCM(key)

    def seal(self, plain):
        """Encrypt."""
        nonce = os.urandom(12)
        return nonce + self.key.encrypt(nonce, plain, None)

    def open(self, sealed):
        """Decrypt, or refuse."""
        try:
            return self.key.decrypt(sealed[:12], sealed[12:], None)
        except (InvalidTag, ValueError):
            raise PayloadUnreadable("None of the keys is theirs.") from None


class Away(MemoryRepository):
    """A store of which some methods are out of reach."""

    def __init__(self, *away):
        super().__init__()
        for name in away:
            setattr(self, name, self._fail)

    def _fail(self, *_):
        raise RepositoryUnavailable("The database is gone.")


class Desk:
    """A token service that sells CANARY-1, CANARY-2 and so on, and counts."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sold = 0

    async def __call__(self, heard):
        """Give what is scripted, or else a token."""
        if self.answers:
            return self.answers.pop(0)
        self.sold += 1
        return http_answer({"access_token": f"CANARY-{self.sold}", "expires_in": 3600})


def credentials(url):
    """What a token is bought with."""
    return ClientCredentials(httpx.URL(f"{url}/token"), "us", Secret("PASS"))


def with_keepers(desk, *shared, act):
    """Call *act* with a keeper for each of *shared*, all on one event loop, and the account they share."""

    async def run():
        async with ScriptedPayer(desk) as payer, make_client() as client:
            ours = credentials(payer.url)
            return await act(*(TokenKeeper(ours, client, each) for each in shared), ours.account)

    return asyncio.run(run())


def test_workers_fetch_one_token_and_replace_it_once():
    """Two workers, each with many look-ups on a loop of its own: one fetch; after a refusal of all, one more."""
    store, desk, barrier = MemoryRepository(), Desk(), threading.Barrier(2)

    async def work(url):
        async with make_client() as client:
            keeper = TokenKeeper(credentials(url), client, SharedAccess(store, AesCipher()))
            tokens = []
            for _ in range(2):
                await asyncio.to_thread(barrier.wait, 10)
                tokens.append(set(await asyncio.gather(*(keeper.token() for _ in range(5)))))
                await asyncio.to_thread(barrier.wait, 10)
                for token in tokens[-1]:
                    keeper.refused(token)
        return tokens

    async def run():
        async with ScriptedPayer(desk) as payer:
            return await asyncio.gather(*(asyncio.to_thread(asyncio.run, work(payer.url)) for _ in range(2)))

    assert asyncio.run(run()) == [[{"CANARY-1"}, {"CANARY-2"}]] * 2
    assert desk.sold == 2


def test_a_token_lies_sealed():
    """Neither the store nor any text that shows it tells it; and who has it sealed for another account has none."""
    shared = SharedAccess(MemoryRepository(), AesCipher())

    async def act(keeper, account):
        await keeper.token()
        return account

    account = with_keepers(Desk(), shared, act=act)
    kept = shared.store.find_access(account)
    shared.store.begin_access("another", 0, LONG)
    shared.store.keep_access("another", 0, kept.payload, LONG)

    assert b"CANARY" not in kept.payload
    assert "CANARY" not in f"{kept} {shared} {shared.find(account)}"
    assert shared.find(account).token == Secret("CANARY-1")
    assert 2000 < shared.find(account).seconds_left < 3000
    assert shared.find("another").token is None


def test_accounts_are_told_apart():
    """Who asks, where, and for what: none of it shows, and nothing else counts."""
    ours = credentials("https://payer.example")
    others = [
        ClientCredentials(httpx.URL("https://payer.example/other"), "us", ours.client_secret),
        ClientCredentials(ours.url, "them", ours.client_secret),
        ClientCredentials(ours.url, "us", ours.client_secret, scope="claims"),
    ]
    assert len({each.account for each in (ours, *others)}) == 4
    assert ours.account == ClientCredentials(ours.url, "us", Secret("NEW"), body="json").account
    assert "us" not in ours.account


@pytest.mark.parametrize(
    "payload",
    [b"", b"x" * 40, AesCipher().seal(b"[]"), AesCipher().seal(b"no JSON")],
    ids=["nothing", "not sealed", "no token", "no JSON"],
)
def test_a_token_that_cannot_be_read_is_replaced(payload):
    """Sealed with a key of another time, or damaged: as if there were none, but for its number."""
    shared = SharedAccess(MemoryRepository(), AesCipher())

    async def act(keeper, account):
        shared.store.begin_access(account, 0, LONG)
        shared.store.keep_access(account, 0, payload, LONG)
        return shared.find(account), await keeper.token(), shared.find(account)

    before, token, after = with_keepers(Desk(), shared, act=act)
    assert (before.serial, before.token) == (1, None)
    assert (token, after.serial, after.token) == ("CANARY-1", 2, Secret("CANARY-1"))


def test_a_token_that_is_old_for_all_is_replaced():
    """By its time in the store, though this worker never held it."""
    shared = SharedAccess(MemoryRepository(), AesCipher())

    async def act(keeper, account):
        shared.store.begin_access(account, 0, LONG)
        shared.keep(account, 0, "OLD", -1)
        return await keeper.token()

    assert with_keepers(Desk(), shared, act=act) == "CANARY-1"


def test_a_worker_that_was_killed_holds_up_others_for_its_seconds():
    """Then another fetches in its place."""
    shared, desk = SharedAccess(MemoryRepository(), AesCipher()), Desk()

    async def act(keeper, account):
        shared.store.begin_access(account, 0, 0.05)
        return await keeper.token()

    assert with_keepers(desk, shared, act=act) == "CANARY-1"
    assert desk.sold == 1


def test_who_waits_too_long_is_told(monkeypatch):
    """Nobody waits for ever for another worker: the look-up is tried again as if the payer were away."""
    monkeypatch.setattr("bulkclaims.lookup.wire.tokens._PATIENCE_SECONDS", 0)
    shared = SharedAccess(MemoryRepository(), AesCipher())

    async def act(keeper, account):
        shared.store.begin_access(account, 0, LONG)
        with pytest.raises(PayerUnavailable, match="No access token could be had"):
            await keeper.token()

    with_keepers(Desk(), shared, act=act)


def test_a_fetch_that_fails_is_left_to_others():
    """At once, and with the error that it came to."""
    shared, desk = SharedAccess(MemoryRepository(), AesCipher()), Desk(http_answer({}, 503))

    async def act(first, second, _):
        with pytest.raises(PayerUnavailable):
            await first.token()
        return await second.token()

    assert with_keepers(desk, shared, shared, act=act) == "CANARY-1"


def test_who_waits_for_a_fetch_fails_with_it():
    """However many look-ups wait, a service that is down is asked once, and not by each of them in turn."""
    desk = Desk(http_answer({}, 503))

    async def act(keeper, _):
        waiting = (keeper.token() for _ in range(5))
        failures = await asyncio.gather(*waiting, return_exceptions=True)
        return [type(failure) for failure in failures], await keeper.token()

    assert with_keepers(desk, None, act=act) == ([PayerUnavailable] * 5, "CANARY-1")


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_fetch_that_hangs_is_left_to_others(monkeypatch, cancelled):
    """Before its claim lapses, or when its job is stopped."""
    monkeypatch.setattr("bulkclaims.lookup.wire.tokens._FETCH_SECONDS", LONG if cancelled else 0.05)
    shared = SharedAccess(MemoryRepository(), AesCipher())
    asked = asyncio.Event()

    async def hang(_):
        asked.set()
        await asyncio.Event().wait()

    async def act(keeper, account):
        fetching = asyncio.create_task(keeper.token())
        await asked.wait()
        if cancelled:
            fetching.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else PayerUnavailable):
            await fetching
        return shared.store.begin_access(account, 0, LONG)

    assert with_keepers(hang, shared, act=act) is True


@pytest.mark.parametrize("away", ["find_access", "begin_access", "keep_access"])
def test_a_store_out_of_reach_leaves_each_worker_its_own(away, caplog):
    """With a warning that does not tell the token; one that is refused is replaced all the same."""
    desk = Desk()

    async def act(keeper, _):
        tokens = [await keeper.token() for _ in range(2)]
        keeper.refused(tokens[-1])
        return [*tokens, await keeper.token()]

    tokens = with_keepers(desk, SharedAccess(Away(away), AesCipher()), act=act)
    assert tokens[:2] == ["CANARY-1"] * 2
    assert tokens[2] == "CANARY-2"
    assert "RepositoryUnavailable: The database is gone." in caplog.text
    assert "CANARY" not in caplog.text


def test_a_fetch_that_cannot_be_left_is_told(caplog):
    """Others wait until its claim lapses; what made it fail is what is raised."""

    async def act(keeper, _):
        with pytest.raises(PayerUnavailable):
            await keeper.token()

    with_keepers(Desk(http_answer({}, 503)), SharedAccess(Away("leave_access"), AesCipher()), act=act)
    assert "Other workers wait a while until they fetch a token." in caplog.text


def test_a_cipher_that_does_nothing_is_refused():
    """A token in the clear would be worth stealing; what was never kept is nothing."""
    with pytest.raises(SettingsWrong, match="a cipher that encrypts"):
        SharedAccess(MemoryRepository(), PlainCipher())
    assert SharedAccess(MemoryRepository(), AesCipher()).find("nobody") == Access()
