"""Which digest a service's image reference means now.

Hosts asked the registry during the look. The first host by name that has an answer decides, so that
the fleet runs one digest even while somebody pushes. Without a registry the digest already in use,
or held by a host under that tag, still serves (faults row 20); with none of these the plan is blocked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusterctl.model.names import natural
from clusterctl.model.plan import Blocked
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import HostFacts, ImageFact, Snapshot
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
        digest, note = _resolve(service, hosts, units)
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


def _resolve(service: Service, hosts: Sequence[HostFacts], units: tuple[Observed, ...]) -> tuple[str, str]:
    """Return (digest, note), or ("", reason); `hosts` by name."""
    image = service.image
    _, at, digest = image.partition("@")
    if at:
        return digest, ""
    known = _known(service, hosts, units) if service.pull_policy else ""
    if known or service.pull_policy == "never":
        return known, "" if known else "no host has it, and pull_policy is never"
    answers = [facts.resolved[image] for facts in hosts if image in facts.resolved]
    found = next((answer.digest for answer in answers if _DIGEST.fullmatch(answer.digest)), "")
    if found:
        return found, ""
    error = next((answer.error for answer in answers if answer.error), "no host could ask the registry")
    known = "" if _says_missing(error) else _known(service, hosts, units)
    if known:
        return known, f"{image}: the registry did not answer ({error}); the digest known to the hosts is used"
    return "", error


def _known(service: Service, hosts: Sequence[HostFacts], units: tuple[Observed, ...]) -> str:
    """Return the digest in use for the service's image, else one that a host holds under its tag, or ""."""
    used = [
        unit.header.pinned.partition("@")[2]
        for unit in units
        if unit.header.service == service.name and unit.header.image == service.image
    ]
    held = [held.digest for facts in hosts for held in held_by(facts, service.image)]
    return next((digest for digest in [*used, *held] if _DIGEST.fullmatch(digest)), "")


def held_by(facts: HostFacts, image: str) -> Iterator[ImageFact]:
    """Yield the images in a host's store that are of a reference's repository and tag."""
    name = repository(image)
    tag = image.partition("@")[0].removeprefix(name).removeprefix(":") or "latest"
    return (
        held for held in facts.images or () if held.repository == name and held.tag == tag and held.digest
    )


def _says_missing(error: str) -> bool:
    return any(word in error.lower() for word in ("not found", "unknown", "does not exist", "denied"))
