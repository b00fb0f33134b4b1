"""Packages of a host's operating system: what a look sees of them, and what an update changes.

How each is found and done is `remote.packages`, one driver for each kind of system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["image", "snapshot", "package", "none"]
"""How well an update can be taken back: whole image, snapshot, package by package, not at all."""


WANT_REBOOT = (
    *("linux-image", "kernel-core", "kernel-default", "kernel.", "linux-firmware", "firmware-"),
    *(
        "amd64-microcode",
        "intel-microcode",
        "microcode_ctl",
        "systemd",
        "libsystemd",
        "dbus",
        "libc6",
        "glibc",
    ),
)
"""How the names of packages begin whose new version needs a reboot to be in use everywhere."""


@dataclass(frozen=True, slots=True, order=True)
class PackageChange:
    """One package of an update; `old` empty: newly pulled in, `new` empty: removed."""

    name: str
    old: str
    new: str
    security: bool = False

    @property
    def wants_reboot(self) -> bool:
        """Whether only a reboot brings the new version into use everywhere: kernel, microcode, init, system bus."""
        return bool(self.new) and self.name.startswith(WANT_REBOOT)

    def __str__(self) -> str:
        if not self.old:
            return f"{self.name} (new) {self.new}"
        return f"{self.name} {self.old} -> {self.new or 'removed'}"


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What a driver saw on a host. `error` says why nothing is known; `driver` is empty where none fits.

    `pending` is what an update would change; `held` the packages kept back on purpose; `broken` what the
    database calls half-configured or worse. `bad` are versions (name -> version) that were undone here.
    `reboot_reasons` is empty where no reboot is needed. `auto_reboot`: the host would reboot by itself.
    `armed_run` is the run whose update waits to be committed; `undone_run` one that the host took back itself.
    """

    driver: str = ""
    grade: Grade = "none"
    tested: bool = False
    pending: tuple[PackageChange, ...] = ()
    held: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    bad: tuple[tuple[str, str], ...] = ()
    reboot_reasons: tuple[str, ...] = ()
    auto_reboot: bool = False
    armed_run: str = ""
    undone_run: str = ""
    error: str = ""
