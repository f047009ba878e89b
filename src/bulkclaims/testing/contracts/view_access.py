"""What an adapter must pass of who may do what. A part of `ViewContract`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.access import Principal, Role
from bulkclaims.jobs import JobId
from bulkclaims.testing.contracts.host_scenes import JOB_ROUTES, UNKNOWN, Answer, ask, claims, hosting, upload
from bulkclaims.web import ROUTES

if TYPE_CHECKING:
    from bulkclaims.testing.contracts.host_scenes import Host, Mount


class AccessViewContract:
    """Nobody gets in without proof, sees another organisation's jobs, or does more than their role allows."""

    @pytest.mark.parametrize("who", ["", "bad", "expired", "revoked"])
    @pytest.mark.parametrize("route", [route.name for route in ROUTES])
    def test_nobody_gets_in_without_a_good_token(self, host: Host, route: str, who: str) -> None:
        """401 on every route, with `WWW-Authenticate`, also for a job that does not exist."""
        with host.client(who) as client:
            response = ask(client, route, UNKNOWN)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert ("invalid_token" in response.headers["www-authenticate"]) is bool(who)
        assert host.repository.find("north").count == 0

    @pytest.mark.parametrize("route", [route.name for route in JOB_ROUTES])
    def test_another_organisations_job_is_not_there(self, host: Host, route: str) -> None:
        """404 on every route, the very same as for a job that does not exist, and the job stays as it is."""
        job_id = host.ended_job()
        before = host.repository.get("north", JobId(job_id))
        with host.client("stranger") as client:
            theirs, unknown = ask(client, route, job_id), ask(client, route, UNKNOWN)
        assert theirs.status_code == 404
        assert Answer.of(theirs) == Answer.of(unknown)
        assert host.repository.get("north", JobId(job_id)) == before

    def test_another_organisations_jobs_are_not_listed(self, host: Host) -> None:
        """A list holds the organisation's own."""
        host.ended_job()
        with host.client("stranger") as client:
            assert client.get("csv-jobs/").json()["count"] == 0

    @pytest.mark.parametrize(
        ("who", "refused"),
        [("reader", {"upload", "retry", "cancel", "delete"}), ("biller", {"delete"}), ("manager", set())],
    )
    def test_a_role_reaches_as_far_as_it_says(self, host: Host, who: str, refused: set[str]) -> None:
        """403 for what the role does not allow, and for nothing else."""
        job_id = host.ended_job()
        with host.client(who) as client:
            answers = {route.name: ask(client, route.name, job_id) for route in ROUTES}
            dry = upload(client, claims(1), "?dry_run=true")
        assert {name for name, answer in answers.items() if answer.status_code == 403} == refused
        assert (dry.status_code == 403) is ("upload" in refused)

    def test_another_sites_page_changes_nothing(self, mount: Mount) -> None:
        """For those whom a browser signs in by itself, a write must come from this site's own page; a read may not."""
        with hosting(mount, authenticator=_Browser()) as host, host.client("") as client:
            statuses = [
                upload(client, claims(1), **headers).status_code
                for headers in (
                    {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"},
                    {"Origin": "https://evil.example"},
                    {},
                    {"Sec-Fetch-Site": "same-origin"},
                    {"Origin": "http://host.example"},
                )
            ]
            listed = client.get("csv-jobs/", headers={"Sec-Fetch-Site": "cross-site"})
        assert statuses == [403, 403, 403, 403, 201, 201]
        assert (listed.status_code, listed.json()["count"]) == (200, 2)


class _Browser:
    """Knows everybody as one who is signed in by a cookie."""

    def authenticate(self, *_: object) -> Principal:
        """Let anybody in."""
        return Principal("north", "bea", Role.MANAGE, by_cookie=True)
