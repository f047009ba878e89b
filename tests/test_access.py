"""Tests of `bulkclaims.access`."""

from __future__ import annotations

import pytest

from bulkclaims.access import Action, Principal, Role, by_role, misnamed
from bulkclaims.errors import NotSetUp, SettingsWrong
from bulkclaims.jobs import Owner
from bulkclaims.testing.contracts import AuthorizeContract
from bulkclaims.testing.contracts.scenes import upload

ALL = frozenset(Role)
ALLOWED = {
    Action.LIST: ALL,
    Action.VIEW: ALL,
    Action.DOWNLOAD: ALL,
    Action.CHECK: ALL - {Role.READ},
    Action.UPLOAD: ALL - {Role.READ},
    Action.RETRY: ALL - {Role.READ},
    Action.CANCEL: ALL - {Role.READ},
    Action.DELETE: {Role.MANAGE},
}


@pytest.fixture
def job_of(repository):
    """Make a job of an organisation."""
    return lambda organisation: upload(repository, owner=Owner(organisation, "bea"))


class TestByRole(AuthorizeContract):
    """The default is a member of the seam."""

    @pytest.fixture
    def authorize(self):
        """What is taken unless a host says otherwise."""
        return by_role


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_allows_what_the_table_says(action, role, job_of):
    """On jobs of one's own organisation and where no job is concerned; on another's job nothing is allowed."""
    principal = Principal("ACME", "bea", role)

    assert by_role(principal, action, job_of("ACME")) is (role in ALLOWED[action])
    assert by_role(principal, action, None) is (role in ALLOWED[action])
    assert by_role(principal, action, job_of("acme")) is False


def test_what_is_not_known_is_denied(job_of):
    """A role or an action that a host made up allows nothing."""
    assert by_role(Principal("ACME", "bea", "root"), Action.LIST, None) is False
    assert by_role(Principal("ACME", "bea", Role.MANAGE), "shred", job_of("ACME")) is False


@pytest.mark.parametrize(
    ("organisation", "fault"),
    [
        ("", "it is blank."),
        (" \t", "it is blank."),
        (" ACME", "there is white space at one of its ends."),
        ("ACME\n", "there is white space at one of its ends."),
        ("A" * 256, "it has more than 255 characters."),
        (4711, "it is of the type int."),
        (None, "it is of the type NoneType."),
    ],
)
def test_nobody_is_of_no_organisation(organisation, fault):
    """The sentence says what is wrong with it and does not quote it; a client does not hear even that."""
    with pytest.raises(NotSetUp) as refused:
        Principal(organisation, "bea", Role.READ)

    assert str(refused.value).endswith(
        f"An organisation is a text of 1 to 255 characters without white space at its ends; {fault}"
    )
    assert refused.value.message == "The service is not set up; its log says what is wrong."
    assert (refused.value.code, refused.value.at_fault, refused.value.retry_helps) == ("not_set_up", "service", False)
    assert isinstance(refused.value, SettingsWrong)


@pytest.mark.parametrize("organisation", ["A", "Klinik Süd", "A" * 255])
def test_any_other_text_names_an_organisation(organisation):
    """Whatever the host calls its own."""
    assert misnamed(organisation) == ""
    assert Principal(organisation, "bea", Role.READ).organisation == organisation
