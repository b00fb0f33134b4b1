"""A lab of real hosts for the whole session, and an observer that does not share the tool's code."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from clusterctl import lab
from clusterctl.lab.state import state_root
from tests.e2e.fencing import agents, engine_port  # noqa: F401 - fixtures
from tests.e2e.fleet import LabFleet

HOSTS = 5
FAILED = pytest.StashKey[bool]()
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
FAMILY = "e2e"
LAB = f"{FAMILY}-{WORKER}" if WORKER else FAMILY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as end-to-end."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def fleet() -> Iterator[LabFleet]:
    """Return a lab of five hosts, one for each process that runs tests; nothing of it stays afterwards.

    The lab is new: one that an interrupted session left has hosts as some test wanted them, and the engine
    starts it again with itself.
    """
    with _alone(LAB, 120) as mine:
        if not mine:
            pytest.exit(f"another test session uses the lab {LAB}; let it end first", returncode=5)
        for name in lab.names():
            if name == FAMILY or name.startswith(f"{FAMILY}-gw"):
                with _alone(name, 0) as left:
                    if left:
                        lab.down(name)
        yield LabFleet(LAB, HOSTS)
        lab.down(LAB)


@contextmanager
def _alone(name: str, within_s: float) -> Iterator[bool]:
    """Hold the right to use a lab for tests; false if another session has it and keeps it so long."""
    state_root().mkdir(parents=True, exist_ok=True)
    with (state_root() / f"{name}.lock").open("w") as file:
        yield _locked(file, within_s)


def _locked(file: IO[str], within_s: float) -> bool:
    end = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.2)
        else:
            return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests failed, for their fixtures."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(autouse=True)
def _new_lab_after_a_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have a new lab after a test that failed: what it left half done is nothing to stumble over."""
    fleet: LabFleet | None = request.getfixturevalue("fleet") if "fleet" in request.fixturenames else None
    yield
    if fleet and request.node.stash.get(FAILED, False):
        fleet.renew()


@pytest.fixture
def project(fleet: LabFleet, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a project name of the test's own; the project is deleted afterwards."""
    name = request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")[:30].strip("-")
    yield name
    fleet.heal_all()
    fleet.cli("delete", name, "--yes")
