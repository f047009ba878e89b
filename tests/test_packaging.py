"""The six distributions as they are installed."""

import re
from importlib import import_module
from importlib.metadata import metadata, requires, version
from importlib.resources import files
from pathlib import Path

import pytest

MEMBERS = ["bulkclaims_celery", "bulkclaims_django", "bulkclaims_flask", "bulkclaims_rq", "bulkclaims_sqlalchemy"]
PACKAGES = ["bulkclaims", *MEMBERS]
CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


@pytest.mark.parametrize("package", PACKAGES)
def test_all_packages_share_the_version_of_the_changelog(package):
    """Code, installed distribution and the changelog's top entry agree on one version."""
    newest = re.search(r"^## (\d+\.\d+\.\d+)", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)

    assert newest is not None
    assert import_module(package).__version__ == version(package) == newest[1]


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_may_read_the_package(package):
    """Each package carries the marker that says its types are for users, too."""
    assert files(package).joinpath("py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_licence_travels_along(package):
    """Each distribution names its licence and holds its text."""
    facts = metadata(package)

    assert facts["License-Expression"] == "MIT"
    assert facts.get_all("License-File") == ["LICENSE"]


@pytest.mark.parametrize("package", MEMBERS)
def test_a_member_and_the_core_fit_by_minor_version(package):
    """A member asks for this minor version of the core, and the core's extra for this one of the member."""
    minor = f"=={version('bulkclaims').rpartition('.')[0]}.*"
    name = package.replace("_", "-")

    assert {f"bulkclaims{minor}", f"bulkclaims[web]{minor}"} & set(requires(package))
    assert any(line.startswith(f"{name}{minor};") for line in requires("bulkclaims"))
