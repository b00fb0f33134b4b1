"""Debian packages on this machine, for what a lab needs here: an engine, mmdebstrap, what tests drive."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from clusterctl.errors import LabError
from clusterctl.lab.talk import Say, phase

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_PATIENT = ("-o", "DPkg::Lock::Timeout=300")  # somebody else may be installing


def may_install() -> bool:
    """Whether packages can be installed here: root, on a system with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str], say: Say) -> None:
    """Install Debian packages on this machine, saying so; LabError with apt's last lines if it fails."""
    with phase(say, f"installed {' '.join(packages)} by apt-get"):
        _apt_get("update", "-q")
        _apt_get("install", "-q", "-y", "--no-install-recommends", *_PATIENT, *packages)


def _apt_get(*args: str) -> None:
    done = subprocess.run(
        ["apt-get", *args],
        env=os.environ | _QUIET,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise LabError(
            f"apt-get {args[0]} failed with exit code {done.returncode}",
            details=done.stdout.splitlines()[-8:],
            next_step="look at the lines above; this machine needs the packages to build a lab",
        )
