"""Programs that some end-to-end tests drive, installed where that can be done: `python -m tests.e2e.tools`."""

from __future__ import annotations

import shutil
import sys

from clusterctl.errors import LabError
from clusterctl.lab import packages

PROGRAMS = {"vagrant": "vagrant"}
"""Program -> its package in Debian 12. What is not there, and cannot be installed, has its tests skipped."""


def ensure_programs() -> None:
    """Install what is missing, as root on Debian; say what could not be."""
    for program, package in PROGRAMS.items():
        if shutil.which(program):
            continue
        if not packages.may_install():
            _say(f"{program} is not here, its tests are skipped; root can install it where there is apt")
            continue
        try:
            packages.install([package], _say)
        except LabError as error:
            _say(f"{program} is not here, its tests are skipped: {error}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    ensure_programs()
