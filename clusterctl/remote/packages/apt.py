"""apt: what `apt-get -s dist-upgrade` would do, and whether the host reboots by itself (apt-get(8), apt.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clusterctl.model.packages import PackageChange
from clusterctl.remote.frame import Section

NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,200}(?::[a-z0-9-]{1,30})?")
VERSION = re.compile(r"[A-Za-z0-9.+:~-]{1,200}")
_INSTALL = re.compile(r"Inst (\S+) (?:\[(\S+)\] )?\((\S+)(?: ([^)]*))?\)")
_REMOVE = re.compile(r"(?:Remv|Purg) (\S+) \[(\S+)\]")
_TRUE = {"1", "true", "yes", "on", "with", "enable"}


class Apt:
    """Debian, Ubuntu and their kin."""

    def pending(self, sections: Mapping[str, Section]) -> tuple[PackageChange, ...]:
        """Return what an update would change, newly pulled and removed packages too; raises ValueError."""
        section = sections["packages.pending"]
        if section.rc:
            raise ValueError("apt-get cannot say what an update would do")
        return tuple(sorted(_changes(section.text)))

    def auto_reboot(self, sections: Mapping[str, Section]) -> bool:
        """Return whether unattended-upgrades is there and may reboot the host."""
        text = sections["packages.auto"].text if "packages.auto" in sections else ""
        values = re.findall(r'^Unattended-Upgrade::Automatic-Reboot "([^"]*)";', text, re.MULTILINE)
        return any(value.lower() in _TRUE for value in values[-1:])

    def needs_reboot(self, sections: Mapping[str, Section]) -> tuple[str, ...]:
        """Return nothing: what Debian says stands in /run/reboot-required, and is read for every driver."""
        del sections
        return ()


def _changes(text: str) -> Iterator[PackageChange]:
    for line in text.splitlines():
        if line.startswith("Inst "):
            match = _INSTALL.match(line)
            if not match:
                raise ValueError(f"not understood: {line[:200]}")
            name, old, new, origin = match.groups("")
            yield _change(name, old, new, security="security" in origin.lower())
        elif line.startswith(("Remv ", "Purg ")):
            match = _REMOVE.match(line)
            if not match:
                raise ValueError(f"not understood: {line[:200]}")
            yield _change(match[1], match[2], "", security=False)


def _change(name: str, old: str, new: str, *, security: bool) -> PackageChange:
    if not NAME.fullmatch(name) or not all(VERSION.fullmatch(version) for version in (old, new) if version):
        raise ValueError(f"no package: {name[:100]} {old[:100]} {new[:100]}")
    return PackageChange(name, old, new, security)
