"""What users may import, and what importing costs them."""

import subprocess
import sys
from importlib import import_module

import pytest

import bulkclaims

PACKAGES = [
    "bulkclaims",
    "bulkclaims.client",
    "bulkclaims_celery",
    "bulkclaims_django",
    "bulkclaims_flask",
    "bulkclaims_rq",
    "bulkclaims_sqlalchemy",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_names_what_is_public(package):
    """Every package lists its public names, once each, and has them all."""
    module = import_module(package)

    assert len(module.__all__) == len(set(module.__all__))
    assert set(module.__all__) <= set(dir(module))
    assert all(hasattr(module, name) for name in module.__all__)


def test_a_name_that_is_not_there():
    """The core says so as any module does, also for a name that is one of its parts' own."""
    for name in ("Nobody", "REQUIRED_COLUMNS"):
        with pytest.raises(AttributeError, match=f"module 'bulkclaims' has no attribute '{name}'"):
            getattr(bulkclaims, name)


def test_public_names_are_imported_when_asked_for():
    """Whoever imports the package alone, as the command line does at its start, pays for nothing."""
    script = "import sys; before = {*sys.modules}; import bulkclaims; print(*{*sys.modules} - before)"

    printed = subprocess.run([sys.executable, "-Ic", script], check=True, capture_output=True, text=True).stdout

    assert printed.split() == ["bulkclaims"]


def test_importing_the_core_is_light():
    """A web process that only takes uploads loads no HTTP client, no database and no command line."""
    heavy = {"click", "httpx", "rich", "sqlalchemy", "uvicorn"}
    script = "from bulkclaims import *; import sys; print(*sys.modules)"

    printed = subprocess.run([sys.executable, "-Ic", script], check=True, capture_output=True, text=True).stdout

    assert heavy.isdisjoint(printed.split())


def test_the_client_needs_nothing_of_a_server():
    """A program that only asks a service loads neither what reads its forms nor what asks payers."""
    script = "import bulkclaims.client, sys; print(*sys.modules)"

    printed = subprocess.run([sys.executable, "-Ic", script], check=True, capture_output=True, text=True).stdout

    assert {"aiohttp", "python_multipart", "bulkclaims.web"}.isdisjoint(printed.split())
