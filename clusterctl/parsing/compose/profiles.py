"""`profiles`: services that are there only when one of theirs is asked for (Compose Specification, section "Profiles")."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import as_text, flag_of
from clusterctl.parsing.words import Expected, did_you_mean, quoted
from clusterctl.parsing.yaml_core import Value

ALL = "*"
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def parse_profile(text: str) -> str:
    """Return the name of a profile."""
    if not _PROFILE.fullmatch(text):
        raise Expected("the name of a profile")
    return text


def without_profiles(root: Cursor, wanted: Collection[str]) -> Cursor:
    """Return the mapping without the services whose profiles are off; one that must be there for another is a mistake.

    A profile that no service has is one, too: somebody mistyped it.
    """
    services = root.value.get("services")
    if services is None or services.kind != "map":
        return root
    place = next(root.at(entry) for entry in root.value.entries if entry.key == "services")
    has = {name: _profiles(below) for name, below in place.entries()}
    known = {profile for profiles in has.values() for profile in profiles}
    for name in sorted(set(wanted) - known - {ALL}):
        root.mistake(f"no service has the profile {quoted(name)}{did_you_mean(name, known)}", 1)
    off = {
        name: profiles
        for name, profiles in has.items()
        if profiles and ALL not in wanted and not set(profiles) & set(wanted)
    }
    if off and off.keys() == has.keys():
        names = sorted({profile for profiles in off.values() for profile in profiles})
        ways = " or ".join(f"--profile {name}" for name in names[:3])
        place.mistake(f"every service has a profile, and none is asked for; add {ways}")
        return root
    return replace(root, value=_without(root.value, place, off)) if off else root


def _profiles(service: Cursor) -> tuple[str, ...]:
    for entry in service.value.entries:
        if entry.key == "profiles":
            found = (item.read(as_text(parse_profile), "") for item in service.at(entry).items())
            return tuple(profile for profile in found if profile)
    return ()


def _without(root: Value, place: Cursor, off: Mapping[str, tuple[str, ...]]) -> Value:
    kept = []
    for entry, (name, below) in zip(place.value.entries, place.entries(), strict=True):
        if name not in off:
            kept.append(replace(entry, value=_independent(below, off)))
    services = replace(place.value, entries=tuple(kept))
    return replace(
        root,
        entries=tuple(
            replace(entry, value=services) if entry.key == "services" else entry for entry in root.entries
        ),
    )


def _is_optional(dependency: Value) -> bool:
    required = dependency.get("required")
    try:
        return required is not None and not flag_of(required)
    except Expected:
        return False


def _independent(service: Cursor, off: Mapping[str, tuple[str, ...]]) -> Value:
    """Return a service without its dependencies on what is off, each of which is noted."""
    needs = service.value.get("depends_on")
    if needs is None:
        return service.value
    place = next(service.at(entry) for entry in service.value.entries if entry.key == "depends_on")
    lines = {item.text: item.line for item in needs.items} | {
        entry.key: entry.line for entry in needs.entries
    }
    optional = {entry.key for entry in needs.entries if _is_optional(entry.value)}
    for name in sorted(set(lines) & set(off) - optional):
        ways = " or ".join(f"--profile {profile}" for profile in off[name])
        place.mistake(f"{quoted(name)} is there only with {ways}", lines[name])
    left = replace(
        needs,
        items=tuple(item for item in needs.items if item.text not in off),
        entries=tuple(entry for entry in needs.entries if entry.key not in off),
    )
    return replace(
        service.value,
        entries=tuple(replace(e, value=left) if e.key == "depends_on" else e for e in service.value.entries),
    )
