"""A real apt repository inside a lab: packages made by dpkg-deb, an index, and busybox httpd to serve them.

It lives in the container of the lab's registry, which is no host of the lab: nothing that is done to hosts
can hurt it. It is unsigned ([trusted=yes]); only the hosts of a test use it.
"""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import docker

from clusterctl.lab import run_inside

ROOT = "/srv/apt"
PORT = 8099
ADDRESS = f"http://registry.lab:{PORT}"
SOURCES = "/etc/apt/sources.list"


@dataclass(frozen=True)
class Package:
    """What a package holds: files by path, maintainer scripts by name."""

    name: str
    version: str
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    conffiles: tuple[str, ...] = ()
    depends: str = ""

    def tree(self) -> dict[str, tuple[str, int]]:
        """Return every file of the package's tree with its mode."""
        control = (
            f"Package: {self.name}\nVersion: {self.version}\nArchitecture: all\nMaintainer: lab <lab@lab>\n"
            f"{f'Depends: {self.depends}' + chr(10) if self.depends else ''}Description: of a test\n"
        )
        found = {"DEBIAN/control": (control, 0o644)}
        if self.conffiles:
            found["DEBIAN/conffiles"] = ("".join(f"{path}\n" for path in self.conffiles), 0o644)
        found |= {
            f"DEBIAN/{name}": (f"#!/bin/sh\nset -e\n{text}\n", 0o755) for name, text in self.scripts.items()
        }
        return found | {
            path.lstrip("/"): (text, 0o755 if "/bin/" in path else 0o644) for path, text in self.files.items()
        }


class AptRepository:
    """The repository of a lab; `offer` says what it has from now on, and nothing else."""

    def __init__(self, lab: str) -> None:
        self._container: Any = docker.from_env().containers.get(f"clusterctl-{lab}-registry")
        self.close()
        self._run(f"mkdir -p {ROOT}/www")
        self._run(f"busybox httpd -p {PORT} -h {ROOT}/www </dev/null >/dev/null 2>&1")

    def offer(self, *packages: Package, suite: str = "lab") -> None:
        """Have exactly these packages in the repository: older ones are gone, as on a real mirror."""
        self._run(f"rm -rf {ROOT}/www/* {ROOT}/trees && mkdir -p {ROOT}/trees")
        for package in packages:
            name = f"{package.name}_{package.version}_all"
            self._container.put_archive(f"{ROOT}/trees", _archive(name, package.tree()))
            self._run(
                f"dpkg-deb --root-owner-group -b {ROOT}/trees/{name} {ROOT}/www/{name}.deb".replace(
                    "~", "\\~"
                )
            )
        self._run(
            f"cd {ROOT}/www && for f in *.deb; do [ -e $f ] || continue; dpkg-deb -f $f; echo Filename: $f; "
            "echo Size: $(stat -c %s $f); echo SHA256: $(sha256sum <$f | cut -c1-64); echo; done >Packages; "
            f"{{ echo Origin: lab; echo Suite: {suite}; echo Date: $(LC_ALL=C date -Ru); echo SHA256:; "
            "echo ' '$(sha256sum <Packages | cut -c1-64) $(stat -c %s Packages) Packages; } >Release"
        )

    def close(self) -> None:
        """Stop serving, and leave nothing."""
        served = f"-f '[h]ttpd -p {PORT}'"
        # Told to end, a server has its port for a moment yet, and the next one needs it.
        self._run(f"pkill {served}; while pgrep {served} >/dev/null; do sleep 0.1; done; rm -rf {ROOT}")

    def _run(self, command: str, *, check: bool = True) -> str:
        code, output = run_inside(self._container, ["sh", "-c", command])
        if check and code:
            raise AssertionError(f"{command}: {output}")
        return output


def use_only(repository: str = ADDRESS) -> str:
    """Return the shell command that makes a host know this repository and no other."""
    line = shlex.quote(f"deb [trusted=yes] {repository} ./")
    return (
        f"[ -e {SOURCES}.kept ] || cp {SOURCES} {SOURCES}.kept; echo {line} >{SOURCES}; "
        "rm -rf /var/lib/apt/lists/*; apt-get -q update >/dev/null"
    )


def restore_sources() -> str:
    """Return the shell command that undoes `use_only`."""
    return (
        f"[ ! -e {SOURCES}.kept ] || mv {SOURCES}.kept {SOURCES}; "
        "rm -rf /var/lib/apt/lists/* /var/lib/clusterctl/updates"
    )


def _archive(folder: str, files: Mapping[str, tuple[str, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (text, mode) in files.items():
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size, member.mode = len(text.encode()), mode
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
