"""The host application: what it adds to a plain Flask application is the part about bulkclaims."""

from __future__ import annotations

import os

from flask import Flask

import bulkclaims_flask
from bulkclaims import BulkClaims, Secret
from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings
from bulkclaims_sqlalchemy import open_repository, upgrade

bulk_claims = bulkclaims_flask.BulkClaims()


def create_app() -> Flask:
    """Make the application; where its database and its payer are, the environment says."""
    app = Flask(__name__)
    app.config["BULKCLAIMS_DEFAULTS"] = {"payer_id": "99999", "npi": "1999999984"}

    database = os.environ["DATABASE"]
    upgrade(database)
    repository = open_repository(database)
    payer = StediSettings(
        organization_name="Sample Clinic PC",
        base_url=os.environ["PAYER_URL"],
        api_key=Secret.from_environment("PAYER_KEY"),
    )
    service = BulkClaims(repository, LookupProcessor(StediConnector(payer), limiter=repository))
    bulk_claims.init_app(app, service, tokens=repository)

    @app.get("/")
    def index() -> str:
        jobs = bulk_claims.service.jobs("ACME", limit=1)
        return f"Sample Clinic has sent {jobs.count} files of claims."

    return app
