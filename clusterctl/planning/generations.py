"""Which of the manifests that hosts hold count: what one host alone says does not (ADR 0032). Pure.

An apply writes its manifest last, on every host. So a manifest on one host of several was not written to an end, or
not by us; left out, it is as if the run had been killed a moment before. Two copies are the same when
generation and content are: placements may differ, since a move writes only these.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.manifest import Manifest, parse_manifest

FEWEST_HOSTS = 3
"""With fewer hosts nobody can say which of two is right: the newest manifest counts."""
FAR = 1_000_000
"""So much above every other one a number is a lie, or the host is broken: numbers must not run out (ADR 0029)."""


@dataclass(frozen=True, slots=True)
class Lone:
    """A manifest that does not count, and the host that holds it."""

    host: str
    manifest: Manifest


def latest_manifest(snapshot: Snapshot, cluster: str, project: str) -> Manifest | None:
    """Return the newest manifest that counts (ties by content)."""
    return _Copies(snapshot, cluster, project).latest


def manifests_of(snapshot: Snapshot, cluster: str, project: str) -> dict[int, Manifest]:
    """Return every generation that counts and is kept, the present one too, each in its newest revision."""
    copies = _Copies(snapshot, cluster, project)
    found = [*copies.present, *copies.older]
    return {one.generation: one for one in sorted(found, key=lambda one: one.order) if copies.counts(one)}


def find_lone(snapshot: Snapshot, cluster: str, project: str) -> tuple[Lone, ...]:
    """Return the manifests of a project that one host alone holds and that are newer than what counts."""
    copies = _Copies(snapshot, cluster, project)
    latest = copies.latest
    return tuple(
        Lone(host, manifest)
        for manifest, hosts in copies.held
        if not copies.counts(manifest) and (latest is None or manifest.order > latest.order)
        for host in hosts
    )


def find_disputed(snapshot: Snapshot, cluster: str) -> tuple[str, ...]:
    """Return the projects of which two hosts say different things, and no third one tells which is right."""
    names = sorted({name for facts in snapshot.seen for name in facts.manifests})
    return tuple(name for name in names if _Copies(snapshot, cluster, name).disputed)


def why_disputed(project: str) -> str:
    """Return in words why nothing of such a project is moved, and what to do."""
    return f"{project}: two hosts hold different manifests, and no third one tells which is right (apply it once more)"


def why_none(snapshot: Snapshot, cluster: str, project: str) -> str:
    """Return in words why no manifest of a project counts."""
    if project in find_disputed(snapshot, cluster):
        return why_disputed(project)
    hosts = ", ".join(one.host for one in find_lone(snapshot, cluster, project))
    alone = (
        f": {hosts} alone has a manifest of it, which is not followed (apply it once more)" if hosts else ""
    )
    return (
        f"no host knows a project {project}"
        if not alone
        else f"no second host knows a project {project}{alone}"
    )


class _Copies:
    """What the hosts hold of one project: `held` now, with the hosts, and what they have kept of it."""

    def __init__(self, snapshot: Snapshot, cluster: str, project: str) -> None:
        self._where = cluster, project
        now: dict[str, list[str]] = defaultdict(list)
        before: dict[str, list[str]] = defaultdict(list)
        for facts in snapshot.seen:
            now[facts.manifests.get(project, "")].append(facts.host)
            for key, text in facts.history.items():
                if key.rpartition("@")[0] == project:
                    before[text].append(facts.host)
        self.held, past = self._parse(now), self._parse(before)
        self.present, self.older = [one for one, _ in self.held], [one for one, _ in past]
        self._told: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
        for manifest, hosts in (*past, *self.held):
            revisions = self._told[manifest.generation, manifest.content]
            revisions |= {host: max(manifest.revision, revisions.get(host, 0)) for host in hosts}
        opinions = sum(bool(facts.manifests) for facts in snapshot.seen)
        self._compared = len(snapshot.hosts) >= FEWEST_HOSTS and opinions > 1
        newest = max(self.present, key=lambda one: one.order, default=None)
        self.disputed = bool(newest and self._compared and opinions == 2 and not self._is_told(newest))

    @property
    def latest(self) -> Manifest | None:
        """The newest manifest that hosts hold now and that counts."""
        return max(filter(self.counts, self.present), key=lambda one: one.order, default=None)

    def counts(self, manifest: Manifest) -> bool:
        """Whether a manifest is followed."""
        return not self.disputed and (not self._compared or self._is_told(manifest))

    def _is_told(self, manifest: Manifest) -> bool:
        """Whether two hosts hold what it says, in revisions that are not far from each other."""
        revisions = sorted(self._told[manifest.generation, manifest.content].values())
        return len(revisions) > 1 and manifest.revision <= revisions[-2] + FAR

    def _parse(self, texts: dict[str, list[str]]) -> list[tuple[Manifest, list[str]]]:
        found = ((parse_manifest(text), hosts) for text, hosts in texts.items() if text)
        return [(one, hosts) for one, hosts in found if one and (one.cluster, one.project) == self._where]
