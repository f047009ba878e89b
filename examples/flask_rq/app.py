"""
The web process: `gunicorn 'flask_rq.app:create_app()'`.

It leaves the asking to workers, and has no key to the payer.
"""

from __future__ import annotations

import os

from flask import Flask

import bulkclaims_flask
from bulkclaims import BulkClaims
from bulkclaims_sqlalchemy import open_repository
from flask_rq.queue import dispatcher

bulk_claims = bulkclaims_flask.BulkClaims()


def create_app() -> Flask:
    """Make the application; where its database and its queue are, the environment says."""
    app = Flask(__name__)
    app.config["BULKCLAIMS_DEFAULTS"] = {"payer_id": "99999", "npi": "1999999984"}

    repository = open_repository(os.environ["DATABASE"])
    service = BulkClaims(repository, dispatcher=dispatcher)
    bulk_claims.init_app(app, service, tokens=repository)

    @app.get("/")
    def index() -> str:
        jobs = bulk_claims.service.jobs("ACME", limit=1)
        return f"Sample Clinic has sent {jobs.count} files of claims."

    return app
