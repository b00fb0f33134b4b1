"""When a lab's host is ready: it lets `ops` in under its own host key, has booted, and its dockerd answers.

Looked at as a user would, over SSH with strict host keys; one command, which waits on the host.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from clusterctl.errors import LabError
from clusterctl.lab import state
from clusterctl.lab.layout import USER, HostInfo
from clusterctl.lab.watches import read_limit, scarce_watches

if TYPE_CHECKING:
    from paramiko import SSHClient

_READY_WAIT_S = 90.0
_CONNECT_S = 3.0
_PAUSE_S = 0.1
_WORKERS = 16
_COMMAND = (
    "timeout 60 systemctl is-system-running --wait; systemctl --failed --plain --no-legend; "
    "echo --; docker info --format '{{.ServerVersion}}' 2>&1"
)


def await_ready(lab: str, hosts: Sequence[HostInfo]) -> tuple[str, ...]:
    """Wait until every host is ready; return a line for each that booted with failed units."""
    path = state.folder(lab)
    deadline = time.monotonic() + _READY_WAIT_S
    given_up = threading.Event()
    with ThreadPoolExecutor(_WORKERS) as pool:
        waits = [pool.submit(_await_host, path, each, deadline, given_up) for each in hosts]
        try:
            return tuple(filter(None, [each.result() for each in waits]))
        except BaseException:
            given_up.set()
            raise


def _await_host(path: Path, host: HostInfo, deadline: float, given_up: threading.Event) -> str:
    from paramiko.ssh_exception import BadHostKeyException, SSHException

    answer = "no answer yet"
    while time.monotonic() < deadline and not given_up.wait(_PAUSE_S):
        try:
            answer = _ask(path, host, deadline)
        except BadHostKeyException as error:
            raise LabError(
                f"{host.host} ({host.address}) shows another host key than it was made with",
                details=[str(error)],
                next_step=f"something else answers at that address, or: clusterctl lab down --name {path.name}",
            ) from error
        except (OSError, EOFError, SSHException) as error:
            # Nothing listens yet, or no banner comes, or logins are not let in before the boot is done.
            answer = f"{type(error).__name__}: {error}"
        else:
            boot, _, version = answer.partition("--\n")
            if version.strip() and len(version.split()) == 1:
                return "" if boot.strip() == "running" else f"{host.host}: {' '.join(boot.split())}"
    raise LabError(
        f"{host.host} ({host.address}) is not ready within {_READY_WAIT_S:.0f} s",
        details=[*answer.splitlines()[-6:], *scarce_watches(read_limit())],
        next_step=f"docker logs clusterctl-{path.name}-{host.host} shows its boot; clusterctl lab down begins again",
    )


def _ask(path: Path, host: HostInfo, deadline: float) -> str:
    left = max(deadline - time.monotonic(), 1.0)
    with _connect(path, host) as client:
        _, stdout, _ = client.exec_command(_COMMAND, timeout=left)
        return stdout.read().decode(errors="replace")


def _connect(path: Path, host: HostInfo) -> SSHClient:
    import paramiko

    logging.getLogger("paramiko").addHandler(logging.NullHandler())  # a failed try is no news here
    client = paramiko.SSHClient()
    client.load_host_keys(str(path / state.KNOWN_HOSTS))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        host.address,
        host.port,
        USER,
        key_filename=str(path / state.KEY),
        timeout=_CONNECT_S,
        banner_timeout=_CONNECT_S,
        auth_timeout=_CONNECT_S,
        allow_agent=False,
        look_for_keys=False,
    )
    return client
