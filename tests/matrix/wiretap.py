"""Everything that goes to a broker and comes back, in clear: what a queue could know of a row would be in it."""

from __future__ import annotations

import base64
import re
import selectors
import socket
import threading
import zlib
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")


@contextmanager
def tapped(url):
    """Stand between a broker and whoever speaks with it; gives an address to use in its place, and what was said."""
    broker, said = urlsplit(url), bytearray()
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_let_in, args=(door, (broker.hostname, broker.port), said), daemon=True).start()
        host = broker.netloc.replace(f":{broker.port}", f":{door.getsockname()[1]}")
        yield urlunsplit(broker._replace(netloc=host)), said
        door.shutdown(socket.SHUT_RDWR)


def _let_in(door, broker, said):
    with suppress(OSError):
        while True:
            client, _ = door.accept()
            server = socket.create_connection(broker)
            threading.Thread(target=_pass_on, args=(client, server, said), daemon=True).start()


def _pass_on(client, server, said):
    with client, server, selectors.DefaultSelector() as ready, suppress(OSError):
        ready.register(client, selectors.EVENT_READ, server)
        ready.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in ready.select():
                piece = key.fileobj.recv(65536)
                if not piece:
                    return
                said += piece
                key.data.sendall(piece)


def readings(said):
    """What was said or kept, and beside it what was encoded or compressed: Celery's way with Redis, and RQ's."""
    whole = bytes(said)
    yield whole
    for found in _BASE64.findall(whole):
        with suppress(ValueError):
            yield base64.b64decode(found)
    for found in _ZLIB.finditer(whole):
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(whole[found.start() :])
