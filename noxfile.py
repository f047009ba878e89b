"""The named commands of this repository: people, `make` and CI call these and nothing else."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
nox.options.download_python = "never"
# In this order: what takes seconds comes first, what people look at comes last.
nox.options.sessions = ["lint", "types", "imports", "package", "docs", "lowest", "tests"]

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
EXTRAS = f"[{','.join(PROJECT['project']['optional-dependencies'])}]"
MEMBERS = sorted(
    str(path.parent.relative_to(ROOT))
    for room in ("backends", "adapters")
    for path in ROOT.glob(f"{room}/*/pyproject.toml")
)
PYPROJECTS = ["pyproject.toml", *(f"{member}/pyproject.toml" for member in MEMBERS)]
SOURCES = ["src", *(f"{member}/src" for member in MEMBERS)]
PAGES = ["docs", "README.md", *(f"{member}/README.md" for member in MEMBERS)]
TESTED = "--constraint=constraints.txt"
# A process for each core; each starts servers of its own. Who runs out of tests takes some of another's.
PARALLEL = ["--numprocesses=auto", "--dist=worksteal"]
# The slow tests wait for workers and servers more than they compute.
ONE_MORE = [f"--numprocesses={(os.cpu_count() or 1) + 1}", "--dist=worksteal"]
# A page stays whole: its examples follow one another. No two pages listen at one port.
PAGE_BY_PAGE = ["--numprocesses=auto", "--dist=loadfile"]

# Hosts of package registries and paths of one machine have no place in a file that others read.
PRIVATE = r"pypi[.]org|pythonhosted[.]org|(^|[^[:alnum:]._/-])/(root|work|opt)/"


def distribution(member: str) -> str:
    """Name the distribution in the folder *member*, in the form it has in file names."""
    return f"bulkclaims_{Path(member).name}"


def wheel(name: str, extras: str = "") -> str:
    """Ask for the wheel of *name* that was built here, with *extras*, and for no other."""
    (path,) = DIST.glob(f"{name}-*.whl")
    return f"{name}{extras} @ {path.as_uri()}"


def wheels(extras: str = "") -> list[str]:
    """Ask for all wheels that were built here; *extras* are the core's."""
    return [wheel("bulkclaims", extras), *(wheel(distribution(member)) for member in MEMBERS)]


def groups(*names: str) -> list[str]:
    """Ask for dependency groups, each the core's own or, written `backends/rq:tests`, a member's."""
    return [f"--group={name.replace(':', '/pyproject.toml:')}" for name in names]


MEMBERS_TESTS = [f"{member}:tests" for member in MEMBERS]


@nox.session
def build(session: nox.Session) -> None:
    """Build every distribution, the wheels out of the source distributions; other sessions install these."""
    session.run("uv", "build", "--quiet", "--clear", "--all-packages", "--build-constraints=constraints.txt")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, docstrings and spelling, and that no file names a registry or a path of one machine."""
    session.install(TESTED, *groups("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    # Tests have their docstrings from ruff's D rules: interrogate would ask each nested coroutine for one, too.
    session.run("interrogate", "--config=pyproject.toml", *SOURCES)
    session.run("codespell")
    # Exit code 1 of grep: no such line.
    session.run("git", "grep", "--untracked", "-nIE", PRIVATE, external=True, success_codes=[1])


@nox.session(requires=["build"])
def types(session: nox.Session) -> None:
    """Check the types of all packages, and that two type checkers read the public ones as users do."""
    session.install(TESTED, *wheels(EXTRAS), *groups("types", "docs"))
    session.run("mypy", *SOURCES, "tests/typing", "docs/examples.py", "noxfile.py")
    # Else it would look into the .venv beside pyproject.toml, which holds nox alone.
    session.run("basedpyright", "--pythonpath", f"{session.bin}/python")


@nox.session(requires=["build"])
def imports(session: nox.Session) -> None:
    """Check that imports point the one way that pyproject.toml draws."""
    session.install(TESTED, *groups("imports"))
    session.install("--no-deps", *wheels())
    session.run("lint-imports")


@nox.session(requires=["build"])
@nox.parametrize("member", [nox.param(member, id=Path(member).name) for member in ["core", *MEMBERS]])
def package(session: nox.Session, member: str) -> None:
    """Install the core, or the core and one member, alone; import it and run its own tests."""
    if member == "core":
        package_core(session)
        return
    name = distribution(member)
    session.install(TESTED, wheel("bulkclaims", "[testing]"), wheel(name), *groups(f"{member}:tests"), "pytest-xdist")
    session.run("python", "-Ic", f"import {name}")
    # What takes time, as contracts and all kinds of database and of worker do, is left to the session `tests`.
    long = ("postgresql", "mariadb", "contracts", "described", "View", "asgi", "transactions")
    quick = ["-m", "not slow", "-k", " and ".join(f"not {words}" for words in long)]
    session.run("pytest", f"{member}/tests", *PARALLEL, *quick, *session.posargs)


def package_core(session: nox.Session) -> None:
    """Check that the core stays small: in its source distribution, on import, and with every extra on offer."""
    session.install(TESTED, wheel("bulkclaims"))
    session.run("python", "-Ic", "import bulkclaims, sys; assert 'httpx' not in sys.modules, 'httpx is imported early'")
    session.install(TESTED, "--dry-run", *wheels(EXTRAS))
    (source,) = DIST.glob("bulkclaims-*.tar.gz")
    with tarfile.open(source) as archive:
        strangers = [name for name in archive.getnames() if {"backends", "adapters", "docs"} & set(Path(name).parts)]
    if strangers:
        session.error(f"The core's source distribution holds what is not the core's: {strangers[:3]}")


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """Build the pages without a warning and run every example in them."""
    session.install(TESTED, *wheels(EXTRAS), *groups("docs"))
    session.run("sphinx-build", "-nW", "--keep-going", "-q", "docs", "docs/_build/html")
    session.run("python", "-m", "pytest", *PAGE_BY_PAGE, "-p", "docs.examples", *(session.posargs or PAGES))


@nox.session(requires=["build"])
def lowest(session: nox.Session) -> None:
    """Run the tests with the oldest versions that the packages say they work with."""
    requirements = [f"--requirement={path}" for path in PYPROJECTS]
    oldest = ["--resolution=lowest-direct", "--no-sources", "--all-extras"]
    session.install(*oldest, *requirements, *wheels(EXTRAS), *groups("tests", *MEMBERS_TESTS))
    # Crowds of workers and schemathesis take long, and what they show is no matter of versions.
    quick = ["-m", "not slow and not chaos", "-k", "not eight_workers and not described"]
    session.run("pytest", *PARALLEL, *quick, *session.posargs)


@nox.session(python=PYTHONS, requires=["build"])
def tests(session: nox.Session) -> None:
    """Run the tests on the built wheels; without arguments also require that they reach every branch of the core."""
    session.install(TESTED, *wheels(EXTRAS), *groups("tests", *MEMBERS_TESTS))
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *ONE_MORE, "-m", "not chaos", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", *(["--fail-under=0"] if session.posargs else []))


@nox.session(default=False, requires=["build"])
def bench(session: nox.Session) -> None:
    """Print the figures of every benchmark, or of those named."""
    session.install(TESTED, *wheels(EXTRAS), *groups("bench"))
    for script in session.posargs or sorted(str(path) for path in ROOT.glob("benchmarks/*.py")):
        session.log(script)
        session.run("python", script)


@nox.session(default=False, requires=["build"])
def chaos(session: nox.Session) -> None:
    """Kill, freeze, fill and mislead everything that the tests can start, and check that only time is lost."""
    session.install(TESTED, *wheels(EXTRAS), *groups("tests", *MEMBERS_TESTS))
    session.run("pytest", "tests/chaos", "-rP", *session.posargs)


@nox.session(default=False, requires=["build"])
def fuzz(session: nox.Session) -> None:
    """Let a coverage-guided fuzzer try to break the parser, for ten minutes unless told otherwise."""
    session.install(TESTED, wheel("bulkclaims"), *groups("fuzz"))
    limit = session.posargs or ["-max_total_time=600"]
    session.run("python", "tests/fuzz/parser.py", session.create_tmp(), *limit)


@nox.session(default=False, requires=["build"])
def demo(session: nox.Session) -> None:
    """Run the demo as someone who has just installed the package."""
    session.install(TESTED, wheel("bulkclaims", "[cli]"), wheel("bulkclaims_sqlalchemy"), wheel("bulkclaims_flask"))
    session.run("bulkclaims", "demo", *session.posargs)


@nox.session(default=False)
def constraints(session: nox.Session) -> None:
    """Write down the newest versions that fit: those the sessions install and were tested with."""
    named = groups(*PROJECT["dependency-groups"], *MEMBERS_TESTS)
    own = [f"--no-emit-package={name}" for name in ["bulkclaims", *map(distribution, MEMBERS)]]
    session.run(
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--upgrade",
        "--universal",
        f"--python-version={PYTHONS[0]}",
        "--no-header",
        "--no-annotate",
        "--all-extras",
        *named,
        *own,
        "--output-file=constraints.txt",
        *PYPROJECTS,
    )
