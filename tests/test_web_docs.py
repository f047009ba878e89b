"""The page about the HTTP API says all there is, and nothing else."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from datetime import date
from pathlib import Path

import pytest

import bulkclaims_sqlalchemy
from bulkclaims import errors, intake, parsing, payloads, planning, privacy, repositories, results, web
from bulkclaims.access import Principal, Role, by_role
from bulkclaims.parsing.workbook.refusals import CODES
from bulkclaims.planning import Needs
from bulkclaims.records import Capabilities, Row
from bulkclaims.web import OPENAPI_PATH, ROUTES, bodies, problems

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
PAGE = (REFERENCE / "http.md").read_text(encoding="utf-8")
BAD_FILES = (REFERENCE / "bad-files.md").read_text(encoding="utf-8")
CLINIC = Capabilities("clinic", needs=(frozenset({"payer_id"}), frozenset({"npi", "tin"})), lookback_months=24)
ANSWERING = (web, intake, parsing, payloads, planning, privacy, repositories, results, bulkclaims_sqlalchemy)
"""Where what is raised may become an answer."""
NEVER_ANSWERED = (errors.SettingsWrong, errors.LeaseLost, errors.QuotaSpent)
"""Raised when a process starts, or to a worker."""


def modules():
    """Import every module in which an answer may have its origin."""
    for package in ANSWERING:
        yield package
        for found in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{package.__name__}."):
            if not found.ispkg:
                yield importlib.import_module(found.name)


def raised(module):
    """Find the errors that a module makes: their classes, and the code of each."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        name = node.func if isinstance(node, ast.Call) else node.exc if isinstance(node, ast.Raise) else None
        kind = getattr(errors, name.id, None) if isinstance(name, ast.Name) else None
        if kind is None or issubclass(kind, NEVER_ANSWERED):
            continue
        given = next((each.value for each in getattr(node, "keywords", ()) if each.arg == "code"), None)
        for code in codes(given, module) or [kind.code]:
            yield kind, code


def codes(given, module):
    """Read the codes that an argument may stand for: a text, one of two, or a constant of the module."""
    if isinstance(given, ast.Name):
        return [getattr(module, given.id)]
    parts = [] if given is None else [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
    return [part.value for part in parts]


def answers():
    """Give for each code what an answer with it says: status, party at fault, whether a retry helps."""
    told = [pair for module in modules() for pair in raised(module)]
    return {
        code: (str(problems.status_of(error)), error.at_fault, "yes" if error.retry_helps else "no")
        for kind, code in [*told, *((errors.UploadRejected, code) for code in CODES)]
        for error in [made(kind, code)]
    }


def made(kind, code):
    """Make an error of a class without its sentence."""
    error = kind.__new__(kind)
    error.code = code
    return error


def documented():
    """Read the page's tables of codes."""
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| (\d{3}) \| (\w+) \| (yes|no) \|", PAGE, re.MULTILINE)
    return {code: tuple(facts) for names, *facts in rows for code in re.findall(r"\w+", names)}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_page_names_every_route(route):
    """With its method, its statuses of success and each of its parameters."""
    (line,) = re.findall(rf"^\| `{route.method} {re.escape(route.path)}` \|.*", PAGE, re.MULTILINE)

    assert line.split("|")[3].strip() == ", ".join(map(str, route.gives))
    assert [each.name for each in route.parameters if f"`{each.name}" not in PAGE] == []


def test_the_page_names_no_other_route():
    """The table holds the routes in their order, and the description of them all."""
    table = PAGE.split("## What there is\n")[1].split("\n## ")[0]

    named = re.findall(r"^\| `([A-Z]+ [^`]+)` \|", table, re.MULTILINE)

    assert named == [*(f"{route.method} {route.path}" for route in ROUTES), f"GET {OPENAPI_PATH}"]


@pytest.mark.parametrize("role", Role)
def test_the_page_says_how_far_each_role_reaches(role):
    """The role beside a route is the first that may use it."""
    roles = list(Role)
    allowed = {
        path
        for path, needed in re.findall(r"^\| `([A-Z]+ [^`]+)` \|.*\| `(\w+)` \|$", PAGE, re.MULTILINE)
        if roles.index(needed) <= roles.index(role)
    }

    assert allowed == {
        f"{route.method} {route.path}" for route in ROUTES if by_role(Principal("ACME", "", role), route.action, None)
    }


@pytest.mark.parametrize("name", ["JobBody", "JobPageBody", "ProgressBody", "RowBody", "RowPageBody", "CheckBody"])
def test_the_page_explains_every_key(name):
    """Whatever an answer holds is said what it means."""
    assert [key for key in getattr(bodies, name).__annotations__ if f"`{key}`" not in PAGE] == []


def test_the_page_lists_every_code():
    """Each code that an answer may bear, with the status, the fault and the advice that come with it; and no other."""
    assert documented() == answers()


@pytest.mark.parametrize(
    ("payer_id", "npi", "day", "code"),
    [
        ("60054", "", "", "needed_by_payer"),
        ("99999", "", "", "unknown_payer"),
        ("60054", "1999999984", "01/02/2020", "too_old_for_payer"),
    ],
)
def test_the_page_says_what_is_said_of_rows_that_their_payer_cannot_be_asked_for(payer_id, npi, day, code):
    """Word for word, with its code."""
    needs = Needs({"60054": CLINIC}.get, {}, today=date(2026, 11, 24))
    row = Row(1, ("payer_id", "npi", "first_service_date"), (payer_id, npi, day))

    (checked,) = needs.checked([row])
    said = re.findall(rf"^\| .+? \| `{code}` \| (.+) \|$", BAD_FILES, re.MULTILINE)

    assert [error.message for error in checked.errors] == said


@pytest.mark.parametrize("payers", [lambda _: CLINIC, lambda _: None], ids=["needs", "unknown"])
def test_the_page_says_what_is_said_of_files_whose_payers_cannot_be_asked(payers):
    """Word for word."""
    with pytest.raises(errors.UploadRejected) as refusal:
        Needs(payers, {}).require([Row(1, ("claim_number",), ("PCN7000001",))])

    assert f"| {refusal.value.message} |" in BAD_FILES
