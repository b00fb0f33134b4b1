"""Take each guard out on purpose, in a copy of the tree, and demand that the tests named beside it fail.

`make guards` runs it. A guard whose text has changed, or whose removal no test notices, is an error. The tree itself is
never touched; the copy is removed again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.guard import Guard
from tests.guard_list import ROLLOUT_GUARDS
from tests.guard_list_compose import COMPOSE_GUARDS
from tests.guard_list_nights import NIGHT_GUARDS
from tests.guard_list_places import PLACE_GUARDS
from tests.guard_list_transport import TRANSPORT_GUARDS

GUARDS = (*ROLLOUT_GUARDS, *NIGHT_GUARDS, *TRANSPORT_GUARDS, *COMPOSE_GUARDS, *PLACE_GUARDS)

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("*cache*", ".git", ".venv", ".hypothesis", ".ci")
WORKERS = 2
HANGS = ("--timeout", "60")
"""Without its guard a planner may go on for ever: a test that does not end has noticed that, too."""


@dataclass(frozen=True)
class Outcome:
    """What became of one guard's removal."""

    guard: Guard
    found: bool
    caught_by: str
    seconds: float


def run_guard(guard: Guard) -> Outcome:
    """Take a guard out in a copy and run its tests there."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="clusterctl-guard-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        place = tree / guard.file
        text = place.read_text()
        if text.count(guard.text) != 1:
            return Outcome(guard, found=False, caught_by="", seconds=time.monotonic() - began)
        place.write_text(text.replace(guard.text, guard.without))
        caught = next((test for test in guard.tests if _fails(tree, test)), "")
    return Outcome(guard, found=True, caught_by=caught, seconds=time.monotonic() - began)


def baseline() -> str:
    """Return what the named tests say while all guards stand, or "" where they all pass."""
    tests = sorted({test for guard in GUARDS for test in guard.tests})
    done = _pytest(ROOT, *tests)
    return "" if done.returncode == 0 else done.stdout.decode(errors="replace")


def _fails(tree: Path, test: str) -> bool:
    """Whether a test fails in a tree; one that cannot be run, or is not there, has not failed."""
    return _pytest(tree, test).returncode == 1


def _pytest(tree: Path, *tests: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *HANGS, *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CLUSTERCTL_ROLLOUTS": "120",
        "CLUSTERCTL_KILLS": "2",
    }
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False, timeout=900)


def main() -> int:
    """Run all guards, or those whose name holds one of the words given, and print the table."""
    words = sys.argv[1:]
    chosen = [guard for guard in GUARDS if not words or any(word in guard.name for word in words)]
    bad = 0
    if words == [] and (said := baseline()):
        sys.stdout.write(f"{said}\nthese tests must pass before a guard is taken out\n")
        return 1
    with ThreadPoolExecutor(WORKERS) as pool:
        for outcome in pool.map(run_guard, chosen):
            verdict = outcome.caught_by or ("NOT NOTICED" if outcome.found else "TEXT NOT FOUND ONCE")
            bad += not outcome.caught_by
            sys.stdout.write(f"{outcome.guard.name:60} {outcome.seconds:5.0f} s  {verdict}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} guards, {bad} whose removal no test noticed\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
