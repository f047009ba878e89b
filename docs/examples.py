"""
Runs every example in the pages: `pytest -p docs.examples README.md docs`.

`python` blocks run in order, one namespace for each page. In `console` blocks each line after `$ ` is a command, lines
after `> ` belong to it, and what follows must be what it prints; `...` stands for anything. A command that ends in `&`
goes on in the background once it has printed its first line. Variables that a command sets are there for the next ones.
A block opened with a file name after the language, such as ```` ```csv claims.csv ````, is that file. Every page has a
folder of its own.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sybil import Document, Example, Region

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
COMMAND = re.compile(r"^\$ (?P<command>.*\n(?:> .*\n)*)(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)
FILE = re.compile(r"\w+ (?P<name>[\w.-]+)$\n", re.MULTILINE)
# Commands of the environment that runs the examples come first, and they write plain text in a known width.
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "COLUMNS": "100",
    "NO_COLOR": "1",
    "TERM": "dumb",
}
SETS_UP = ("make ", "pip install", "git clone", "sudo ")
"""Commands that `make test` or the session itself carries out."""


def run_console(example: Example) -> str | None:
    """Run the commands of a block; say how what they print differs from the page."""
    block = example.parsed if example.parsed.endswith("\n") else f"{example.parsed}\n"
    for match in COMMAND.finditer(block):
        command = match["command"].replace("\n> ", "\n").rstrip("\n")
        if command.startswith(SETS_UP):
            continue
        problem = check(command, match["output"], example.namespace)
        if problem:
            return problem
    return None


def check(command: str, expected: str, namespace: dict[str, Any]) -> str | None:
    """Run one command; None when it printed what was *expected*."""
    printed = start(command[:-1], namespace) if command.endswith("&") else run(command)
    if doctest.OutputChecker().check_output(expected, printed, OPTIONS):
        return None
    return f"$ {command}\nprints\n{printed}\nand the page says\n{expected}"


def run(command: str) -> str:
    """Run one command to its end and keep its variables; return what it prints, errors included."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as kept:
        done = subprocess.run(
            ["bash", "-c", f"set -a; trap 'env -0 > {kept.name}' EXIT\n{command}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        variables = [variable.partition("=") for variable in kept.read().split("\0") if variable]
    os.environ.update({name: value for name, _, value in variables})
    return done.stdout


def start(command: str, namespace: dict[str, Any]) -> str:
    """Start a server; return the first line it prints, which says that it listens."""
    server = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    namespace["page"].callback(stop, server)
    return server.stdout.readline() if server.stdout else ""


def stop(server: subprocess.Popen[str]) -> None:
    """Ask a server to end, and wait until it has."""
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=30)


def write_file(example: Example) -> None:
    """Write a block as the file that its opening line names."""
    Path(example.region.lexemes["name"]).write_text(example.parsed, encoding="utf-8")


def files(document: Document) -> Iterable[Region]:
    """Find the blocks that are files."""
    for region in RawFencedCodeBlockLexer(FILE)(document):
        region.parsed, region.evaluator = region.lexemes["source"], write_file
        yield region


def enter(namespace: dict[str, Any]) -> None:
    """Give a page an empty folder to work in, and an environment that it may change."""
    page = namespace["page"] = contextlib.ExitStack()
    page.enter_context(mock.patch.dict(os.environ, ENVIRONMENT))
    folder = page.enter_context(tempfile.TemporaryDirectory())
    page.enter_context(contextlib.chdir(folder))


def leave(namespace: dict[str, Any]) -> None:
    """Stop the page's servers, remove its folder and restore the environment."""
    namespace["page"].close()


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=OPTIONS),
        CodeBlockParser("console", run_console),
        files,
        SkipParser(),
    ],
    path=str(Path(__file__).parents[1]),
    pattern="*.md",
    setup=enter,
    teardown=leave,
).pytest()
