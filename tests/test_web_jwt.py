"""Tests of `bulkclaims.web.jwt`, with an identity provider on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from bulkclaims.access import Principal, Role
from bulkclaims.errors import IdentityProviderUnavailable, NotAuthenticated, SettingsWrong
from bulkclaims.repositories.tokens import MemoryTokens
from bulkclaims.testing.contracts import AuthenticatorContract
from bulkclaims.web.authenticators import AnyOf
from bulkclaims.web.jwt import JwtAuthenticator, JwtSettings
from bulkclaims.web.tokens import TokenAuthenticator

RSA, SPARE = (rsa.generate_private_key(65537, 2048) for _ in range(2))
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

BEA = Principal("ACME", "bea", Role.SUBMIT)
CLAIMS = {"iss": "https://id.example", "aud": "claims", "sub": "bea", "org": "ACME", "role": "submit"}
SETTINGS = {"issuer": "https://id.example", "audience": "claims", "jwks_url": "https://id.example/keys"}


def jwk(kind, key, kid="rsa", **more):
    """Describe the public half of a key as providers publish it."""
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


@pytest.fixture
def authenticator_for(provider):
    """Make an authenticator with settings of the test's own, and a key for it."""
    provider.keys = [jwk(RSAAlgorithm, RSA)]
    return lambda **settings: JwtAuthenticator(JwtSettings(**SETTINGS | {"jwks_url": provider.url} | settings))


def claims(*, without=(), **changes):
    """Write the claims of a token; times are in seconds from now."""
    now = int(time.time())
    times = {name: now + changes.pop(name, usual) for name, usual in (("iat", 0), ("nbf", 0), ("exp", 3600))}
    return {name: value for name, value in (CLAIMS | times | changes).items() if name not in without}


def sign(key=RSA, algorithm="RS256", *, kid="rsa", **changes):
    """Write a token, good for an hour unless told otherwise."""
    return jwt.encode(claims(**changes), key, algorithm, {"kid": kid})


def strange(header, payload, signer=lambda signed: RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, RSA)):
    """Write what PyJWT would refuse to write, well signed."""
    parts = [json.dumps(header).encode(), payload if isinstance(payload, bytes) else json.dumps(payload).encode()]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return b".".join([signed, base64.urlsafe_b64encode(signer(signed)).rstrip(b"=")]).decode()


def forged(secret):
    """Sign as manager, with a public key as the secret."""
    header = {"alg": "HS256", "kid": "rsa"}
    return strange(header, claims(role="manage"), lambda signed: hmac.digest(secret, signed, hashlib.sha256))


def bearer(token):
    """Put a token where requests have it."""
    return {"authorization": f"Bearer {token}"}


def principal_of(authenticator, token):
    """Say whom a token is taken for."""
    return authenticator.authenticate(bearer(token), None)


def refusal(authenticator, token):
    """Say with which code and sentence a token is refused."""
    with pytest.raises(NotAuthenticated) as refused:
        principal_of(authenticator, token)
    return refused.value.code, refused.value.message


class JwtCase(AuthenticatorContract):
    """Fixtures for whoever takes the provider's tokens."""

    @pytest.fixture
    def principal(self):
        """Whom the good token is for."""
        return BEA

    @pytest.fixture
    def good_headers(self):
        """A token of today."""
        return bearer(sign())

    @pytest.fixture
    def bad_headers(self):
        """One of each kind."""
        return [bearer(token) for token in (sign(exp=-3600), sign(without=["org"]), sign()[:-4], sign(kid="made-up"))]


class TestJwtAuthenticator(JwtCase):
    """Tokens of an identity provider are a member of the seam."""

    @pytest.fixture
    def authenticator(self, authenticator_for):
        """Asks the provider for its keys."""
        return authenticator_for()


class TestAnyOf(JwtCase):
    """API tokens and the provider's live side by side."""

    @pytest.fixture
    def authenticator(self, authenticator_for):
        """Tries an API token first."""
        return AnyOf(TokenAuthenticator(MemoryTokens()), authenticator_for())


@pytest.mark.parametrize(
    ("key", "algorithm", "published"),
    [
        (RSA, "RS256", jwk(RSAAlgorithm, RSA, "ours", alg="RS256", use="sig")),
        (RSA, "PS512", jwk(RSAAlgorithm, RSA, "ours")),
        (EC, "ES256", jwk(ECAlgorithm, EC, "ours")),
        (ED, "EdDSA", jwk(OKPAlgorithm, ED, "ours", alg="EdDSA")),
    ],
    ids=["RS256", "PS512", "ES256", "EdDSA"],
)
def test_every_public_key_algorithm_can_be_used(provider, authenticator_for, key, algorithm, published):
    """Whether the published key names its algorithm or leaves it open."""
    authenticator = authenticator_for(algorithms=("RS384", algorithm))
    provider.keys = [jwk(RSAAlgorithm, SPARE, "other"), published]

    assert principal_of(authenticator, sign(key, algorithm, kid="ours")) == BEA


STRANGE = {"alg": "RS256", "kid": "rsa"}
UNKNOWN = {
    "wrong issuer": lambda: sign(iss="https://id.example/"),
    "wrong audience": lambda: sign(aud="claims-test"),
    "algorithm not pinned": lambda: sign(algorithm="RS512"),
    "none": lambda: sign(None, "none"),
    "HS256 with the public key": lambda: forged(PEM),
    "HS256 with the published key": lambda: forged(json.dumps(jwk(RSAAlgorithm, RSA)).encode()),
    "another key of that name": lambda: sign(SPARE),
    "a key of another kind": lambda: sign(EC, "ES256"),
    "unknown kid": lambda: sign(kid="made-up"),
    "no kid": lambda: strange({"alg": "RS256"}, claims()),
    "kid that is no text": lambda: strange(STRANGE | {"kid": ["rsa"]}, claims()),
    "algorithm that is no text": lambda: strange(STRANGE | {"alg": ["RS256"]}, claims()),
    "unknown extension": lambda: strange(STRANGE | {"crit": ["x"], "x": 1}, claims()),
    "no payload": lambda: strange(STRANGE, b""),
    "payload that is no object": lambda: strange(STRANGE, ["ACME"]),
    "payload without end": lambda: strange(STRANGE, b"[" * 5000),
    "time that never comes": lambda: strange(STRANGE, claims() | {"exp": float("inf")}),
    "time that is no number": lambda: strange(STRANGE, claims() | {"nbf": {}}),
    "user that is no text": lambda: strange(STRANGE, claims() | {"sub": 7}),
    "cut": lambda: sign()[:-4],
}


@pytest.mark.parametrize("make", UNKNOWN.values(), ids=UNKNOWN)
def test_all_else_is_unknown(authenticator_for, make):
    """By one code and one sentence, which does not say how near it was."""
    code, sentence = refusal(authenticator_for(), make())

    assert code == "token_unknown"
    assert sentence == (
        "The token is not one that this service takes: damaged, meant for another, or signed with an old key. "
        "Sign in again."
    )


def test_a_short_key_proves_nothing(provider, authenticator_for):
    """A provider that still publishes a key of 1024 bits is not trusted with it."""
    weak = rsa.generate_private_key(65537, 1024)
    authenticator = authenticator_for()
    provider.keys = [jwk(RSAAlgorithm, weak)]
    header = {"alg": "RS256", "kid": "rsa"}
    token = strange(header, claims(), lambda signed: RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, weak))

    assert refusal(authenticator, token)[0] == "token_unknown"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer bc_x",
        "Bearer a.b.c",
        f"Bearer {base64.urlsafe_b64encode(b'{}').decode()}.e30.c2ln",
        f"Bearer {base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.c2ln",
        "Bearer eyJhbGciOiJSUzI1NiJ9.e30",
        "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln.more.more",
        "Bearer eyJhbGciOiJSUzI1NiJ9.é.c2ln",
        f"Bearer eyJhbGciOiJSUzI1NiJ9.{'e' * 20_000}.c2ln",
        "DPoP eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    ],
    ids=["API token", "dots", "no algorithm", "nested", "cut", "encrypted", "not ASCII", "huge", "another scheme"],
)
def test_what_is_no_jwt_is_left_to_others(provider, authenticator_for, header):
    """Nor is the provider asked about it."""
    assert authenticator_for().authenticate({"authorization": header}, None) is None
    assert provider.asked == 0


def test_times_have_some_play(authenticator_for):
    """Clocks differ: what ended or begins within the skew is good, beyond it is told apart from what is unknown."""
    usual, strict = authenticator_for(), authenticator_for(clock_skew_seconds=0)
    just_ended, about_to_begin, just_issued = sign(exp=-30), sign(nbf=30), sign(iat=30)

    assert [principal_of(usual, token) for token in (just_ended, about_to_begin, just_issued)] == [BEA] * 3
    assert refusal(strict, just_ended) == ("token_expired", "The token has expired; sign in again.")
    assert refusal(usual, sign(exp=-90))[0] == "token_expired"
    for token in (about_to_begin, just_issued):
        code, sentence = refusal(strict, token)
        assert code == "token_unknown"
        assert sentence.startswith("The token is not good yet: the clocks")


@pytest.mark.parametrize("claim", ["org", "sub", "exp", "iss", "aud"])
def test_a_missing_claim_is_named(authenticator_for, claim):
    """So that whoever runs the identity provider knows what to add."""
    sentence = f"The token lacks the claim {claim}. Whoever runs the identity provider can add it."

    assert refusal(authenticator_for(), sign(without=[claim])) == ("token_incomplete", sentence)


@pytest.mark.parametrize("organisation", ["", "  ", 7, ["ACME"], None, {"id": "ACME"}])
def test_an_organisation_is_text(authenticator_for, organisation):
    """Nobody is taken into an organisation by another kind of value."""
    assert refusal(authenticator_for(), sign(org=organisation))[0] == "token_incomplete"


@pytest.mark.parametrize("organisation", [" ACME", "A" * 256])
def test_an_organisation_that_nobody_can_have_is_the_tokens_fault(authenticator_for, organisation):
    """The sentence names the claim, and says what an organisation is."""
    code, sentence = refusal(authenticator_for(), sign(org=organisation))

    assert code == "token_incomplete"
    assert sentence.startswith("The token's claim org is wrong. An organisation is a text of 1 to 255 characters")
    assert sentence.endswith("Whoever runs the identity provider can correct it.")


def test_claims_may_have_other_names(authenticator_for):
    """Each provider has its own."""
    names = {"organisation_claim": "https://acme.example/tenant", "user_claim": "email", "role_claim": "roles"}
    changes = {"https://acme.example/tenant": "Klinik Süd", "email": "zoë@example.org", "roles": ["read"]}
    token = sign(**changes, aud=["other", "claims"], without=["org", "role"])

    assert principal_of(authenticator_for(**names), token) == Principal("Klinik Süd", "zoë@example.org", Role.READ)


@pytest.mark.parametrize(
    ("claimed", "role"),
    [("read", Role.READ), (["read", "manage"], Role.MANAGE), (["submit", "read"], Role.SUBMIT), (None, Role.READ)],
)
def test_a_role_is_the_furthest_reaching(authenticator_for, claimed, role):
    """Of several the one that allows most counts; without the claim, reading is what everyone may."""
    without = ["role"] if claimed is None else []

    assert principal_of(authenticator_for(), sign(role=claimed, without=without)).role is role


@pytest.mark.parametrize("claimed", ["admin", "READ", "", [], ["read", "admin"], [["read"]], 1, {"read": True}, True])
def test_an_unknown_role_is_refused(authenticator_for, claimed):
    """It is not guessed at: neither as the default nor as what stands beside it."""
    assert refusal(authenticator_for(), sign(role=claimed)) == (
        "token_incomplete",
        "The token's claim role holds something other than read, submit, manage. "  # noqa: ISC004 -- one sentence
        "Whoever runs the identity provider can correct it.",
    )


def test_the_default_role_can_be_set(authenticator_for):
    """Where everyone who may sign in may upload."""
    authenticator = authenticator_for(default_role=Role.SUBMIT)

    assert principal_of(authenticator, sign(without=["role"])).role is Role.SUBMIT


def test_keys_are_fetched_once_and_again_for_a_new_one(provider, authenticator_for):
    """When the provider changes its keys, the first token of the new one has them fetched."""
    authenticator = authenticator_for(cool_down_seconds=0)
    for _ in range(5):
        principal_of(authenticator, sign())
    assert provider.asked == 1
    provider.keys = [jwk(RSAAlgorithm, SPARE, "new")]

    assert principal_of(authenticator, sign(SPARE, kid="new")) == BEA
    assert provider.asked == 2
    assert refusal(authenticator, sign())[0] == "token_unknown"


def test_made_up_key_ids_do_not_reach_the_provider(provider, authenticator_for):
    """Nor do algorithms that are not pinned; what stands in a token is its sender's to choose."""
    authenticator = authenticator_for()
    principal_of(authenticator, sign())
    for number in range(100):
        refusal(authenticator, sign(kid=f"made-up-{number}"))

    assert provider.asked == 1


def test_without_a_provider_nobody_can_be_told(provider, authenticator_for):
    """That is the service's trouble, not the sender's: asking again helps, and the token is not refused."""
    provider.status = 503
    with pytest.raises(IdentityProviderUnavailable) as unavailable:
        principal_of(authenticator_for(), sign())

    assert (unavailable.value.code, unavailable.value.retry_helps) == ("identity_provider_unavailable", True)
    assert (unavailable.value.at_fault, str(unavailable.value)) == (
        "service",
        "The identity provider cannot be reached, so nobody's token can be checked; try again soon.",
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"issuer": ""}, "issuer is missing"),
        ({"audience": ""}, "audience is missing"),
        ({"algorithms": ()}, "algorithms may hold RS256"),
        ({"algorithms": ("none",)}, "algorithms may hold RS256"),
        ({"algorithms": ("RS256", "HS256")}, "with HS256 a public key could sign, too"),
        ({"algorithms": "RS256"}, "algorithms may hold RS256"),
        ({"jwks_url": "http://id.example/keys"}, "jwks_url is to be an https://"),
        ({"jwks_url": "file:///etc/passwd"}, "jwks_url is to be an https://"),
        ({"jwks_url": "https:///keys"}, "jwks_url is to be an https://"),
        ({"jwks_url": "https://a\x00b"}, "jwks_url is to be an https://"),
        ({"jwks_url": "https://u:p@id.example/keys"}, "jwks_url is to be an https://"),
    ],
)
def test_unsafe_settings_are_refused(settings, sentence):
    """By name, and without quoting what may be a password."""
    with pytest.raises(SettingsWrong, match=sentence) as wrong:
        JwtSettings(**SETTINGS | settings)
    assert "u:p" not in str(wrong.value)
