"""From the sections `packages.*` of a look to what is known of a host's packages.

A package manager that cannot answer leaves the reason in `error`; it does not make the host unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from clusterctl.model.packages import PackageChange, PackageFacts
from clusterctl.remote.answer import BadAnswerError
from clusterctl.remote.frame import TIMED_OUT, Section
from clusterctl.remote.packages.drivers import DRIVERS, Driver
from clusterctl.remote.text import first_line

Sections = Mapping[str, Section]
MOST_PACKAGES = 20_000
_RUN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,200}")
_BAD = re.compile(r"([A-Za-z0-9][A-Za-z0-9+._:/@~-]{0,250}) ([A-Za-z0-9.+:~^_@/-]{1,250})")
_AUDIT = re.compile(r"^ ([a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?)(?:\s|$)", re.MULTILINE)


def parse_packages(sections: Sections) -> PackageFacts:
    """Return what a driver saw; raises BadAnswerError where the answer lacks its sections."""
    if "packages.driver" not in sections:
        raise BadAnswerError("section packages.driver is missing")
    driver = DRIVERS.get(sections["packages.driver"].text.strip())
    facts = PackageFacts(
        bad=tuple(sorted({(name, version) for name, version in _BAD.findall(_text(sections, "bad"))})),
        armed_run=_run(sections, "armed"),
        undone_run=_run(sections, "undone"),
        reboot_reasons=_reboot_reasons(sections),
    )
    if driver is None:
        return replace(facts, error="no package manager that is known here")
    facts = replace(facts, driver=driver.name, grade=driver.grade, tested=driver.tested)
    try:
        return _asked(driver, sections, facts)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return replace(facts, error=first_line(f"{driver.name}: the answer is not understood: {error}"))


def _asked(driver: Driver, sections: Sections, facts: PackageFacts) -> PackageFacts:
    facts = replace(
        facts,
        held=tuple(_text(sections, "held").split())[:MOST_PACKAGES],
        broken=tuple(_AUDIT.findall(_text(sections, "audit"))),
        auto_reboot=driver.reader.auto_reboot(sections),
        reboot_reasons=(*facts.reboot_reasons, *driver.reader.needs_reboot(sections)),
    )
    refresh = sections.get("packages.refresh")
    if refresh is not None and refresh.rc:
        why = (
            "no answer in time"
            if refresh.rc in TIMED_OUT
            else first_line(refresh.text) or f"exit {refresh.rc}"
        )
        return replace(facts, error=f"{driver.name} cannot refresh its lists: {why}")
    return replace(facts, pending=driver.reader.pending(sections)[:MOST_PACKAGES])


def _reboot_reasons(sections: Sections) -> tuple[str, ...]:
    """Return what /run/reboot-required.pkgs and needrestart (1) name: KSTA 2 and 3 are a newer kernel."""
    found = []
    if "packages.reboot" in sections:
        found += list(dict.fromkeys(_text(sections, "reboot").split())) or ["reboot-required"]
    if re.search(r"^NEEDRESTART-KSTA: [23]$", _text(sections, "needrestart"), re.MULTILINE):
        found.append("a newer kernel is installed")
    lines = (line.split() for line in _text(sections, "applied").splitlines())
    applied = [PackageChange(words[0], words[1], words[2]) for words in lines if len(words) == 3]
    found += [f"{change.name} was updated" for change in applied if change.wants_reboot]
    return tuple(first_line(reason, 100) for reason in found)


def _text(sections: Sections, name: str) -> str:
    section = sections.get(f"packages.{name}")
    return section.text if section else ""


def _run(sections: Sections, name: str) -> str:
    run = _text(sections, name).strip()
    return run if _RUN.fullmatch(run) else ""
