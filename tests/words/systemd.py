"""What systemd alone makes of our Exec lines: each unit runs a program that writes down its own argv.

The program is a shell script that copies its /proc/PID/cmdline, so nothing of what is heard went through a printer.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

from docker.models.containers import Container

from clusterctl.lab.inside import run_inside
from clusterctl.planning.quoting import quote_line

PROGRAM = "/usr/local/bin/write-argv"
FOLDER = "/var/lib/heard"
_SCRIPT = '#!/bin/sh\ncat /proc/$$/cmdline > "$1.new" && mv "$1.new" "$1"\n'
_PREFIX = "heard-"
_AT_ONCE = 100
_WITHIN_S = 600


def systemd_hears(host: Container, cases: Sequence[Sequence[str]]) -> list[list[bytes] | None]:
    """Return for each list of words what a program got that systemd started with them; None if it was not started.

    All units are there at once, after one daemon-reload; afterwards nothing of them is left.
    """
    units = {_unit(k): _text(k, words) for k, words in enumerate(cases)}
    put(host, {f"etc/systemd/system/{name}": text for name, text in units.items()})
    put(host, {PROGRAM[1:]: _SCRIPT}, mode=0o755)
    _run(
        host,
        f"rm -rf {FOLDER}; mkdir -p {FOLDER} && systemctl daemon-reload && cd /etc/systemd/system && "
        f"printf '%s\\n' {_PREFIX}*.service | xargs -n {_AT_ONCE} systemctl start",
    )
    files = fetch(host, FOLDER)
    _run(
        host,
        f"rm -rf {FOLDER} /etc/systemd/system/{_PREFIX}*.service; systemctl daemon-reload; systemctl reset-failed",
    )
    return [_argv(files.get(str(k))) for k in range(len(cases))]


def _unit(number: int) -> str:
    return f"{_PREFIX}{number}.service"


def _text(number: int, words: Sequence[str]) -> str:
    line = quote_line([PROGRAM, f"{FOLDER}/{number}", *words])
    return f"[Service]\nType=oneshot\nExecStart={line}\n"


def _argv(content: bytes | None) -> list[bytes] | None:
    """Return the words after shell, program and file."""
    return None if content is None else content.split(b"\0")[3:-1]


def _run(host: Container, script: str) -> None:
    run_inside(host, ["sh", "-c", script], _WITHIN_S)


def put(host: Container, files: dict[str, str], mode: int = 0o644) -> None:
    """Write files (path without the leading slash -> text) into a host."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            content = text.encode()
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    host.put_archive("/", data.getvalue())


def fetch(host: Container, folder: str) -> dict[str, bytes]:
    """Return the files of a folder of a host."""
    stream, _ = host.get_archive(folder)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        return {
            entry.name.rpartition("/")[2]: file.read()
            for entry in tar.getmembers()
            if (file := tar.extractfile(entry)) is not None
        }
