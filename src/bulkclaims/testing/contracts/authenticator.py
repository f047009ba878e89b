"""What every `Authenticator` must pass."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.access import Principal
from bulkclaims.errors import NotAuthenticated
from bulkclaims.testing.contracts.properties import shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkclaims.interfaces import Authenticator

    Headers = Mapping[str, str]
    NativeOf = Callable[[Headers], Any]

_PIECE = re.compile(r"[^\s._=;,]{8,}")
"""A part of a header long enough to be a secret, or a part of one."""

_texts = st.text(st.characters()) | st.text("bc_eyJ0.-~=;+/ \t\x00é", max_size=200)
_values = _texts | st.builds("{}{}".format, st.sampled_from(("Bearer ", "bearer  ", "Basic ", "Bearer bc_")), _texts)


class AuthenticatorContract:
    """
    Every promise of `bulkclaims.interfaces.Authenticator`.

    A subclass, named `Test…`, has the first four of these fixtures; the others are there, to be replaced where needed.

        authenticator:   what is to be tested
        good_headers:    headers, names in lower case, that it takes
        principal:       who sends those
        bad_headers:     a list of headers of its own kind that are no good
        foreign_headers: headers of another kind, which it leaves to others; HTTP's basic authentication unless replaced
        native_of:       a function from headers to the host framework's request that has them; None unless replaced
    """

    @pytest.fixture
    def foreign_headers(self) -> Headers:
        """Headers of a kind that is not ours: a user and password that everybody knows."""
        return {"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}

    @pytest.fixture
    def native_of(self) -> NativeOf:
        """Give no request of a host framework."""
        return lambda _headers: None

    def test_who_proves_it_is_known(
        self, authenticator: Authenticator, good_headers: Headers, principal: Principal, native_of: NativeOf
    ) -> None:
        """Good headers give their principal, each time and whatever else the request brings."""
        crowded = {"accept": "*/*", **good_headers, "x-other": "bulk"}
        for headers in (good_headers, good_headers, crowded):
            assert authenticator.authenticate(headers, native_of(headers)) == principal

    def test_who_brings_nothing_is_left_to_others(self, authenticator: Authenticator, native_of: NativeOf) -> None:
        """No headers, or none that prove anything, give None."""
        for headers in ({}, {"authorization": ""}, {"authorization": "Bearer"}, {"accept": "*/*", "cookie": ""}):
            assert authenticator.authenticate(headers, native_of(headers)) is None

    def test_another_kind_is_left_to_others(
        self, authenticator: Authenticator, foreign_headers: Headers, native_of: NativeOf
    ) -> None:
        """What it does not know gives None, so that another member may look."""
        assert authenticator.authenticate(foreign_headers, native_of(foreign_headers)) is None

    def test_what_is_no_good_is_refused(
        self, authenticator: Authenticator, bad_headers: Sequence[Headers], native_of: NativeOf
    ) -> None:
        """Each is `NotAuthenticated` with a code and a sentence, neither of which quotes what was brought."""
        assert bad_headers
        for headers in bad_headers:
            with pytest.raises(NotAuthenticated) as refused:
                authenticator.authenticate(headers, native_of(headers))
            assert re.fullmatch("[a-z_]+", refused.value.code)
            assert re.fullmatch(r"[A-Z].{15,}\.", refused.value.message)
            pieces = {piece for value in headers.values() for piece in _PIECE.findall(value)}
            assert not [piece for piece in pieces if piece in refused.value.message]

    @shared
    @given(name=st.sampled_from(("authorization", "cookie")), value=_values)
    def test_any_header_has_an_answer(
        self, authenticator: Authenticator, principal: Principal, native_of: NativeOf, name: str, value: str
    ) -> None:
        """Whatever stands in a header: nobody, the one there is, or `NotAuthenticated`; nothing else is raised."""
        assert _answer(authenticator, {name: value}, native_of) in (None, principal)

    @shared
    @given(data=st.data())
    def test_a_damaged_header_has_an_answer(
        self,
        authenticator: Authenticator,
        good_headers: Headers,
        native_of: NativeOf,
        data: st.DataObject,
    ) -> None:
        """So has a header that was good until characters were lost or added; it may name somebody else by now."""
        for name, value in good_headers.items():
            start = data.draw(st.integers(0, len(value)))
            end = data.draw(st.integers(start, len(value)))
            damaged = {**good_headers, name: value[:start] + data.draw(_texts) + value[end:]}
            answer = _answer(authenticator, damaged, native_of)
            assert answer is None or isinstance(answer, Principal)


def _answer(authenticator: Authenticator, headers: Headers, native_of: NativeOf) -> Principal | None:
    try:
        return authenticator.authenticate(headers, native_of(headers))
    except NotAuthenticated:
        return None
