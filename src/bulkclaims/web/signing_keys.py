"""The public keys that an identity provider signs its tokens with, fetched and kept. Needs the extra `jwt`."""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
from jwt import PyJWK, PyJWTError

from bulkclaims.errors import IdentityProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Keys = dict[tuple[str, str], PyJWK]
    """By key id and algorithm: a key that names no algorithm serves all that its kind allows."""

_log = logging.getLogger(__name__)

LARGEST_BYTES = 512 * 1024
"""A set of keys takes some kilobytes."""


class _NoKeys(Exception):
    """What the provider answered is no set of keys; the text says why, for the log."""


class SigningKeys:
    """
    Keys of one provider (a JWKS), shared by the threads of one process.

    Proxies and certificate authorities that the environment names (`HTTPS_PROXY`, `SSL_CERT_FILE`) are used.

    Args:
        url: Where the provider publishes them.
        algorithms: What they may be used for.
        lifetime: Seconds until they are fetched again. When that fails the old ones stay.
        cool_down: Seconds from one fetch to the next at least, whatever it brought: made-up key ids and a provider in
            trouble cost nobody more than that.
        timeout: Seconds that a fetch may take.
        clock: Tells the seconds.
    """

    def __init__(  # noqa: PLR0913 -- one argument for each thing that can be set
        self,
        url: str,
        algorithms: Sequence[str],
        *,
        lifetime: float,
        cool_down: float,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._algorithms = algorithms
        self._lifetime = lifetime
        self._cool_down = cool_down
        self._timeout = timeout
        self._clock = clock
        self._keys: Keys = {}
        self._good_until = float("-inf")
        self._not_before = float("-inf")
        self._lock = threading.Lock()

    def find(self, key_id: str, algorithm: str) -> PyJWK | None:
        """
        Find a key; None when the provider does not publish it, or has begun to since it was last asked.

        Raises:
            IdentityProviderUnavailable: No keys were ever fetched, so nothing can be said of any.
        """
        name = (key_id, algorithm)
        # Whoever finds the key among old ones goes on with it while another thread fetches; whoever does not waits.
        if self._is_due(name) and self._lock.acquire(blocking=name not in self._keys):
            try:
                self._fetch_if_due(name)
            finally:
                self._lock.release()
        if not self._keys:
            raise IdentityProviderUnavailable(
                "The identity provider cannot be reached, so nobody's token can be checked; try again soon."
            )
        return self._keys.get(name)

    def _is_due(self, name: tuple[str, str]) -> bool:
        return name not in self._keys or self._clock() >= self._good_until

    def _fetch_if_due(self, name: tuple[str, str]) -> None:
        if not self._is_due(name) or self._clock() < self._not_before:
            return
        try:
            self._keys = self._usable(_published(self._download()))
            self._good_until = self._clock() + self._lifetime
        except (httpx.HTTPError, OSError, _NoKeys) as error:
            _log.warning("No signing keys from %s: %s: %s", self._url, type(error).__name__, error)
        self._not_before = self._clock() + self._cool_down

    def _download(self) -> bytes:
        give_up = time.monotonic() + self._timeout
        body = bytearray()
        asked = {"Accept": "application/json", "Accept-Encoding": "identity"}
        with httpx.stream("GET", self._url, headers=asked, timeout=self._timeout, follow_redirects=False) as response:
            if response.status_code != httpx.codes.OK:
                raise _NoKeys(f"HTTP {response.status_code}")
            for piece in response.iter_raw():
                body += piece
                if len(body) > LARGEST_BYTES:
                    raise _NoKeys(f"more than {LARGEST_BYTES // 1024} KiB")
                if time.monotonic() > give_up:
                    raise _NoKeys("not whole in time")
        return bytes(body)

    def _usable(self, published: Iterator[dict[str, Any]]) -> Keys:
        keys: Keys = {}
        for key in published:
            for algorithm in self._algorithms:
                # A key of another kind than the algorithm's is no key for it.
                if key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm:
                    with suppress(PyJWTError):
                        keys[key["kid"], algorithm] = PyJWK(key, algorithm)
        if not keys:
            raise _NoKeys(f"no key with an id for {', '.join(self._algorithms)}")
        return keys


def _published(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the keys of a set that have an id, without which no token can name them."""
    try:
        keys = json.loads(body)["keys"]
        yield from (key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str))
    except (ValueError, TypeError, LookupError, RecursionError):
        raise _NoKeys("not a set of keys") from None
