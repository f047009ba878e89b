"""How the project looks claims up, and who its users are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bulkclaims import Secret
from bulkclaims.access import Principal, Role
from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings

if TYPE_CHECKING:
    from django.http import HttpRequest

    from bulkclaims_django.repository import DjangoRepository


def processor(store: DjangoRepository) -> LookupProcessor:
    """Ask the payer that the environment names; the store of jobs keeps all workers to its rate."""
    payer = StediSettings(
        organization_name="Sample Clinic PC",
        base_url=os.environ["PAYER_URL"],
        api_key=Secret.from_environment("PAYER_KEY"),
    )
    return LookupProcessor(StediConnector(payer), limiter=store)


def signed_in(request: HttpRequest) -> Principal | None:
    """Let the project's own users work for the clinic; staff may also delete."""
    user = request.user
    if not user.is_authenticated:
        return None
    return Principal("ACME", user.get_username(), Role.MANAGE if user.is_staff else Role.SUBMIT)
