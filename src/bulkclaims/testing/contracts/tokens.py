"""What every `TokenStore` must pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve

from bulkclaims.access import ApiToken, Role

if TYPE_CHECKING:
    from bulkclaims.interfaces import TokenStore

NOON = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
TOKEN = ApiToken(
    id="k7Qm2xv9",
    organisation="klinik-süd",
    user="zoë@example.org 🩺",
    role=Role.SUBMIT,
    digest=bytes(range(32)),
    created_at=NOON,
    expires_at=NOON + timedelta(days=90),
)


class TokenStoreContract:
    """
    Every promise of `bulkclaims.interfaces.TokenStore`.

    A subclass, named `Test…`, has a fixture `tokens` that gives each test an empty store.
    """

    def test_a_token_comes_back_as_it_was(self, tokens: TokenStore) -> None:
        """Every field is kept, also of a token without an end."""
        endless = evolve(TOKEN, id="endless", expires_at=None, role=Role.MANAGE)
        for token in (TOKEN, endless):
            tokens.add_token(token)
            assert tokens.find_token(token.id) == token

    def test_an_unknown_token_is_not_found(self, tokens: TokenStore) -> None:
        """Nor one whose id differs in case."""
        tokens.add_token(TOKEN)
        for token_id in ("", "nobody", TOKEN.id.upper(), f"{TOKEN.id} "):
            assert tokens.find_token(token_id) is None

    def test_tokens_are_listed_oldest_first(self, tokens: TokenStore) -> None:
        """An organisation sees its own tokens, good or not, and nobody else's."""
        later = evolve(TOKEN, id="a-later-one", created_at=NOON + timedelta(seconds=1))
        for token in (later, TOKEN, evolve(TOKEN, id="theirs", organisation="other")):
            tokens.add_token(token)
        assert list(tokens.list_tokens(TOKEN.organisation)) == [TOKEN, later]
        assert list(tokens.list_tokens("nobody")) == []

    def test_a_revoked_token_stays_revoked(self, tokens: TokenStore) -> None:
        """Revoking says when; doing so again changes nothing."""
        tokens.add_token(TOKEN)
        for at in (NOON, NOON + timedelta(days=1)):
            assert tokens.revoke_token(TOKEN.organisation, TOKEN.id, at) is True
        assert tokens.find_token(TOKEN.id) == evolve(TOKEN, revoked_at=NOON)

    def test_nobody_revokes_the_tokens_of_others(self, tokens: TokenStore) -> None:
        """Another organisation's token, and an unknown one, are not there to be revoked."""
        tokens.add_token(TOKEN)
        assert tokens.revoke_token("other", TOKEN.id, NOON) is False
        assert tokens.revoke_token(TOKEN.organisation, "nobody", NOON) is False
        assert tokens.find_token(TOKEN.id) == TOKEN
