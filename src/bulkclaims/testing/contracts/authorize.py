"""What every `Authorize` must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from bulkclaims.access import Action, Principal, Role
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.contracts.scenes import OURS, OWNER, upload

if TYPE_CHECKING:
    from bulkclaims.interfaces import Authorize

UNHEARD_OF = cast("Action", "unheard-of")


class AuthorizeContract:
    """
    What `bulkclaims.interfaces.Authorize` promises, whatever else it decides by.

    A subclass, named `Test…`, has a fixture `authorize`.
    """

    @pytest.mark.parametrize("role", Role)
    @pytest.mark.parametrize("action", Action)
    def test_every_question_has_a_yes_or_a_no(self, authorize: Authorize, action: Action, role: Role) -> None:
        """For each role and action, with a job, with one of somebody else's in the organisation, and without any."""
        job = upload(MemoryRepository())
        for user in (OWNER.user, "somebody-else"):
            principal = Principal(OURS, user, role)
            assert all(isinstance(authorize(principal, action, of), bool) for of in (job, None))

    def test_what_is_not_known_is_denied(self, authorize: Authorize) -> None:
        """An action that nobody has heard of is allowed to nobody."""
        job = upload(MemoryRepository())
        for role in Role:
            assert not authorize(Principal(OURS, OWNER.user, role), UNHEARD_OF, job)
            assert not authorize(Principal(OURS, OWNER.user, role), UNHEARD_OF, None)
