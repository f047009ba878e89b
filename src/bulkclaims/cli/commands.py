"""The group that all commands belong to."""

from __future__ import annotations

import click

from bulkclaims import __version__
from bulkclaims.cli.check import check
from bulkclaims.cli.demo import demo, simulate_payer
from bulkclaims.cli.jobs import cancel, db, jobs, purge, results, show
from bulkclaims.cli.remote import remote
from bulkclaims.cli.run import retry, run
from bulkclaims.cli.serve import serve
from bulkclaims.cli.tokens import tokens


@click.group()
@click.version_option(__version__, prog_name="bulkclaims")
def main() -> None:
    """
    Ask payers for the status of all claims in a CSV file, and write a results CSV.

    Patient data stays in the database and the files you name. Secrets come from the environment or from files.
    """


for command in (run, retry, check, jobs, show, results, cancel, purge, tokens, db, remote, simulate_payer, serve, demo):
    main.add_command(command)
