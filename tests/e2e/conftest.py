"""A lab of real hosts for the whole session, and an observer that does not share the tool's code."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.e2e.fleet import LabFleet

HOSTS = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as end-to-end."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@pytest.fixture(scope="session")
def fleet() -> Iterator[LabFleet]:
    """Return a lab of five hosts; it is gone afterwards, with everything that belonged to it."""
    from clusterctl import lab
    from clusterctl.lab.state import state_root

    state_root().mkdir(parents=True, exist_ok=True)
    with (state_root() / "e2e.lock").open("w") as alone:
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.exit("another test session uses the lab e2e; let it end first", returncode=5)
        yield from _lab(lab)


def _lab(lab: ModuleType) -> Iterator[LabFleet]:
    info = lab.up("e2e", HOSTS, _say)
    yield LabFleet(info)
    lab.down("e2e")


@pytest.fixture
def project(fleet: LabFleet, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a project name of the test's own; the project is deleted afterwards."""
    name = request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")[:30].strip("-")
    yield name
    fleet.heal_all()
    fleet.cli("delete", name, "--yes")
