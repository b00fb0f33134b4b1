"""The Docker engine that a lab's hosts run on: find it, install it when asked, say plainly when it refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterctl.errors import LabError
from clusterctl.lab import packages, state
from clusterctl.lab.capabilities import Rights, choose_rights
from clusterctl.lab.talk import Say, phase
from clusterctl.lab.watches import ensure_watches

if TYPE_CHECKING:
    from docker import DockerClient

_PACKAGES = ("docker.io", "iptables")
_START_WAIT_S = 60.0
_CALL_TIMEOUT_S = 120


@contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn what the docker SDK raises into a LabError that says what was tried."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except APIError as error:
        raise LabError(f"{what}: the docker engine refused", details=[str(error.explanation)]) from error
    except (DockerException, RequestException) as error:
        raise LabError(f"{what}: the docker engine did not answer", details=[str(error)]) from error


def find_engine() -> DockerClient | None:
    """Return a client of the engine that DOCKER_HOST (or the default socket) names, None if none answers."""
    import docker
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        engine = docker.from_env(timeout=_CALL_TIMEOUT_S, max_pool_size=32)
        engine.ping()
    except (DockerException, RequestException):
        return None
    return engine


def connect() -> DockerClient:
    """Return a client of the engine; LabError with what to do if none answers."""
    if engine := find_engine():
        return engine
    raise LabError(
        "no docker engine answers on this machine",
        details=["asked: DOCKER_HOST if set, otherwise the default socket"],
        next_step=(
            "start it, or, as root on Debian or Ubuntu: clusterctl lab engine --install. Nothing was changed."
        ),
    )


def ensure_engine(say: Say, *, install: bool) -> str:
    """Return the version of the engine that answers; with `install` make one answer first (root, Debian)."""
    if find_engine() is None and install:
        _install_and_start(say)
    if install:
        ensure_watches(say)
    version: str = connect().version()["Version"]
    return version


def _install_and_start(say: Say) -> None:
    if not packages.may_install():
        raise LabError(
            "an engine can be installed by root on Debian or Ubuntu only",
            next_step="install docker as your system's documentation says, then run this again",
        )
    missing = [
        package
        for package, program in zip(_PACKAGES, ("dockerd", "iptables"), strict=True)
        if not shutil.which(program)
    ]
    if missing:
        packages.install(missing, say)
    with phase(say, "started the docker engine"):
        log = _start()
        _await_engine(log)


def _start() -> str:
    """Start dockerd; return where its messages go."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "enable", "--now", "docker"], check=False, stdin=subprocess.DEVNULL)
        return "journalctl -u docker"
    log = state.state_root() / "dockerd.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, cwd="/"
        )
    return str(log)


def _await_engine(log: str) -> None:
    deadline = time.monotonic() + _START_WAIT_S
    while find_engine() is None:
        if time.monotonic() > deadline:
            raise LabError(
                f"dockerd does not answer {_START_WAIT_S:.0f} s after its start",
                next_step=f"read its messages: {log}",
            )
        time.sleep(0.2)


def is_local(engine: DockerClient) -> bool:
    """Whether containers can be reached by their own addresses: a Linux engine on this very machine."""
    if sys.platform != "linux" or not str(engine.api.base_url).startswith("http+docker://"):
        return False
    return "Docker Desktop" not in str(_info(engine)["OperatingSystem"])


def rights_of(engine: DockerClient) -> Rights:
    """Return the rights to create hosts with on this engine."""
    status = Path("/proc/self/status").read_text(encoding="ascii") if is_local(engine) else None
    return choose_rights(str(_info(engine).get("CgroupVersion", "1")), status)


def _info(engine: DockerClient) -> dict[str, Any]:
    info: dict[str, Any] = engine.info()
    return info
