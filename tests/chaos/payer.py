"""The simulated payer as a process of its own, and the log of what it was asked."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager


class RequestLog:
    """Reads a growing log of JSON lines."""

    def __init__(self, path) -> None:
        self._file = path.open()
        self._rest = ""
        self._asked = []
        self.refused = []
        """The claim numbers of requests that were answered 429."""

    @property
    def asked(self):
        """The claim number of every request so far, in order of arrival."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in map(json.loads, lines):
            self._asked.append(line["claim_number"])
            if line["answer"] == "429":
                self.refused.append(line["claim_number"])
        return self._asked

    def close(self):
        """Read no more."""
        self._file.close()


@contextmanager
def payer(folder, latency, face, limits):
    """Run the payer, which refuses what is beyond its limits; gives its address and its log."""
    path = folder / "requests.jsonl"
    command = [sys.executable, "-m", "bulkclaims.cli", "simulate-payer", "--port", "0", "--api-key", "try-me"]
    options = ["--latency", str(latency), "--dialect", face, "--log", str(path)]
    if limits:
        options += ["--rate-limit", str(limits["per_second"]), "--max-in-flight", str(limits["in_flight"])]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[1]
        log = RequestLog(path)
        try:
            yield url, log
        finally:
            log.close()
            process.kill()
