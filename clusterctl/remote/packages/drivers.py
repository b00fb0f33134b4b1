"""The package managers that are known: what each offers, and where its parts are.

A driver has two halves. `shell/look_packages.sh` asks (detect, check), and the driver's `parse` reads the answer.
`shell/updates_*.sh` does: the kit (`shell/updates_kit.sh`) has the order of things, stage, checkpoint (what is written
down before), apply, arm_fallback, verify, commit and rollback, and calls the driver's functions for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from clusterctl.errors import InputError
from clusterctl.model.packages import Grade, PackageChange
from clusterctl.remote.frame import Section
from clusterctl.remote.packages import apt, image, rpm

Sections = Mapping[str, Section]


@dataclass(frozen=True, slots=True)
class Driver:
    """A package manager. `tested`: on real hosts, otherwise against recorded output only.

    `shell` is the file with its functions; `reader` reads what `check` printed.
    """

    name: str
    grade: Grade
    tested: bool
    shell: str
    reader: Reader


class Reader(Protocol):
    """Reads a host's answer; raises ValueError where it makes no sense."""

    def pending(self, sections: Sections) -> tuple[PackageChange, ...]:
        """Return what an update would change."""
        ...

    def auto_reboot(self, sections: Sections) -> bool:
        """Return whether the host would reboot by itself after an update of its own."""
        ...

    def needs_reboot(self, sections: Sections) -> tuple[str, ...]:
        """Return why the host needs a reboot already."""
        ...


DRIVERS = {
    driver.name: driver
    for driver in (
        Driver("apt", "package", True, "updates_apt.sh", apt.Apt()),
        Driver("dnf", "package", False, "updates_rpm.sh", rpm.Dnf()),
        Driver("zypper", "package", False, "updates_rpm.sh", rpm.Zypper()),
        Driver("transactional-update", "snapshot", False, "updates_image.sh", rpm.Transactional()),
        Driver("rpm-ostree", "image", False, "updates_image.sh", image.RpmOstree()),
        Driver("bootc", "image", False, "updates_image.sh", image.Bootc()),
        Driver("flatcar", "image", False, "updates_image.sh", image.Flatcar()),
    )
}


def driver_named(name: str) -> Driver:
    """Return a driver; raises InputError for a name that is none."""
    if name not in DRIVERS:
        raise InputError(f"no package manager is called {name!r}")
    return DRIVERS[name]
