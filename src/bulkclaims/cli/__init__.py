"""The command line: `bulkclaims run`, `check`, `jobs` and the rest."""

from __future__ import annotations

import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command that the command line names."""
    try:
        # A polite kill is an interruption like any other. Loading takes a second, in which it is to be one too.
        import signal  # noqa: PLC0415 -- nothing is loaded before this guard

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from bulkclaims.cli.commands import main as commands  # noqa: PLC0415

        commands()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
