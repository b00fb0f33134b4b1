"""dnf, zypper and transactional-update: what they print of pending updates. Against recorded output only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET  # the text is from a host: entities are refused first

from clusterctl.model.packages import PackageChange
from clusterctl.remote.frame import Section

Sections = Mapping[str, Section]
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:~^-]{0,200}")
_DNF_PENDING = 100
_ZYPPER_REBOOT = {102, 103}


class Dnf:
    """Fedora, RHEL and their kin (dnf(8): check-upgrade exits 100 when updates are pending)."""

    def pending(self, sections: Sections) -> tuple[PackageChange, ...]:
        """Return the packages that have a newer version; raises ValueError."""
        section = sections["packages.pending"]
        if section.rc not in {0, _DNF_PENDING}:
            raise ValueError("dnf cannot say what an update would do")
        installed, important = _installed(sections), _text(sections, "packages.security")
        found = []
        for line in section.text.partition("Obsoleting")[0].splitlines():
            words = line.split()
            if len(words) == 3 and "." in words[0] and words[0] in installed:
                name, version = _checked(words[0]), _checked(words[1])
                plain, _, arch = name.rpartition(".")
                security = f"{plain}-{version.partition(':')[2] or version}.{arch}" in important
                found.append(PackageChange(name, installed[name], version, security))
        return tuple(sorted(found))

    def auto_reboot(self, sections: Sections) -> bool:
        """Return whether dnf-automatic may reboot the host (automatic.conf: `reboot`)."""
        match = re.search(r"^\s*reboot\s*=\s*(\S+)", _text(sections, "packages.auto"), re.MULTILINE)
        return match is not None and match[1] != "never"

    def needs_reboot(self, sections: Sections) -> tuple[str, ...]:
        """Return the packages that changed since the boot (needs-restarting -r exits 1)."""
        section = sections.get("packages.needs")
        if section is None or section.rc != 1:
            return ()
        return tuple(re.findall(r"^\s+\* (\S+)", section.text, re.MULTILINE)) or ("needs-restarting",)


class Zypper:
    """SUSE (zypper(8), --xmlout)."""

    def pending(self, sections: Sections) -> tuple[PackageChange, ...]:
        """Return the packages that have a newer version; raises ValueError."""
        section = sections["packages.pending"]
        if section.rc:
            raise ValueError("zypper cannot say what an update would do")
        found = []
        for update in _parse_xml(section.text).iter("update"):
            if update.get("kind") == "package":
                name, arch = update.get("name", ""), update.get("arch", "")
                old, new = update.get("edition-old", ""), update.get("edition", "")
                found.append(PackageChange(_checked(f"{name}.{arch}"), _checked(old), _checked(new)))
        return tuple(sorted(found))

    def auto_reboot(self, sections: Sections) -> bool:
        """Return False: zypper has nothing that reboots."""
        del sections
        return False

    def needs_reboot(self, sections: Sections) -> tuple[str, ...]:
        """Return a reason where needs-rebooting exits 102."""
        section = sections.get("packages.needs")
        return ("zypper needs-rebooting",) if section and section.rc in _ZYPPER_REBOOT else ()


class Transactional(Zypper):
    """SUSE with a read-only root: updates go into a new snapshot, which the next boot uses."""

    def auto_reboot(self, sections: Sections) -> bool:
        """Return whether transactional-update hands its reboots to a method that acts by itself."""
        match = re.search(r"^\s*REBOOT_METHOD=\"?(\w+)", _text(sections, "packages.auto"), re.MULTILINE)
        return match is not None and match[1] not in {"none", "notify"}


def _installed(sections: Sections) -> dict[str, str]:
    lines = (line.split() for line in sections["packages.installed"].text.splitlines())
    return {words[0]: words[1].removeprefix("(none):") for words in lines if len(words) == 2}


def _text(sections: Sections, name: str) -> str:
    return sections[name].text if name in sections else ""


def _parse_xml(text: str) -> ET.Element:
    if "<!" in text:
        raise ValueError("XML with declarations of its own")
    try:
        return ET.fromstring(text)  # noqa: S314 - nothing is declared in it
    except ET.ParseError as error:
        raise ValueError(f"not XML: {error}") from None


def _checked(word: str) -> str:
    if not _WORD.fullmatch(word):
        raise ValueError(f"no package or version: {word[:100]!r}")
    return word
