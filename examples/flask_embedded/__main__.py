"""Starts all of it: `python -m flask_embedded`, in the folder above."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress

from serving import PAYER_KEY, serve, simulated_payer

from flask_embedded.app import bulk_claims, create_app


def main() -> None:
    """Serve the application beside a simulated payer, with a database of its own."""
    with tempfile.TemporaryDirectory(prefix="bulkclaims-flask-") as folder, simulated_payer() as payer:
        os.environ |= {"DATABASE": f"sqlite:///{folder}/jobs.db", "PAYER_URL": payer, "PAYER_KEY": PAYER_KEY}
        app = create_app()
        create = app.test_cli_runner().invoke(args=["bulkclaims", "tokens", "create", "--org", "ACME"])
        with app.app_context():
            service = bulk_claims.service
        with service:
            serve(app, create.output.strip())


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
