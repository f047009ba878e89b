"""Everything that stands in a Valkey server, in clear: what a queue knows of a row would be in it."""

from __future__ import annotations

from redis import Redis
from wiretap import readings

_READ = {
    b"string": lambda server, key: [server.get(key)],
    b"list": lambda server, key: server.lrange(key, 0, -1),
    b"set": lambda server, key: list(server.smembers(key)),
    b"zset": lambda server, key: server.zrange(key, 0, -1),
    b"hash": lambda server, key: [part for pair in server.hgetall(key).items() for part in pair],
    b"stream": lambda server, key: [repr(server.xrange(key)).encode()],
}


def everything_in(url):
    """All keys and values, with what is compressed or encoded in them beside it."""
    with Redis.from_url(url) as server:
        kept = [part for key in server.scan_iter() for part in (key, *_READ.get(server.type(key), _gone)(server, key))]
    return b"\n".join(readable for part in kept if part for readable in readings(part))


def _gone(_server, _key):
    return []
