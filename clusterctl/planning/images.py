"""Which digest a service's image reference means now.

Hosts asked the registry during the look. The first host by name that has an answer decides, so that
the fleet runs one digest even while somebody pushes. Without a registry the digest already in use,
or held by a host under that tag, still serves (faults row 20); with none of these the plan is blocked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clusterctl.model.names import natural
from clusterctl.model.plan import Blocked
from clusterctl.model.service import Project
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.observed import Observed

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pins:
    """Pinned reference by service name; what could not be pinned; what a person should know."""

    pinned: Mapping[str, str]
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()


def pin_images(project: Project, snapshot: Snapshot, units: tuple[Observed, ...]) -> Pins:
    """Return `repository@digest` for every service of the project."""
    pinned: dict[str, str] = {}
    blocked: list[Blocked] = []
    notes: list[str] = []
    hosts = sorted(snapshot.seen, key=lambda facts: natural(facts.host))
    for service in project.services:
        digest, note = _resolve(service.image, service.name, hosts, units)
        if digest:
            pinned[service.name] = f"{repository(service.image)}@{digest}"
            notes += [note] if note else []
        else:
            blocked.append(Blocked("image", "", f"image {service.image} of service {service.name}: {note}"))
    return Pins(pinned, tuple(blocked), tuple(notes))


def repository(image: str) -> str:
    """Return the reference without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def holds_image(image: str, snapshot: Snapshot, host: str) -> bool:
    """Whether a host has a pinned image in its store, as far as it answered."""
    facts = snapshot.hosts.get(host)
    held = (isinstance(facts, HostFacts) and facts.images) or ()
    name, _, digest = image.partition("@")
    return any(one.repository == name and one.digest == digest for one in held)


def _resolve(
    image: str, service: str, hosts: Sequence[HostFacts], units: tuple[Observed, ...]
) -> tuple[str, str]:
    """Return (digest, note), or ("", reason); `hosts` by name."""
    _, at, digest = image.partition("@")
    if at:
        return digest, ""
    answers = [facts.resolved[image] for facts in hosts if image in facts.resolved]
    for answer in answers:
        if _DIGEST.fullmatch(answer.digest):
            return answer.digest, ""
    error = next((answer.error for answer in answers if answer.error), "no host could ask the registry")
    if _says_missing(error):
        return "", error
    used = [
        u.header.pinned.partition("@")[2]
        for u in units
        if u.header.service == service and u.header.image == image
    ]
    held = [
        h.digest
        for facts in hosts
        for h in facts.images or ()
        if image == f"{h.repository}:{h.tag}" and h.digest
    ]
    for digest in [*used, *held]:
        if _DIGEST.fullmatch(digest):
            return (
                digest,
                f"{image}: the registry did not answer ({error}); the digest known to the hosts is used",
            )
    return "", error


def _says_missing(error: str) -> bool:
    return any(word in error.lower() for word in ("not found", "unknown", "does not exist", "denied"))
