"""What a scheduler is told and what it answers: where instances should be, and where they are and go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clusterctl.model.placement import Instance, Unplaced
from clusterctl.model.plan import Blocked
from clusterctl.planning.observed import Observed


@dataclass(slots=True)
class Placements:
    """The outcome: `kept` units, `placed` new ones, `held` on ignored hosts, `surplus` to remove."""

    kept: dict[Instance, Observed] = field(default_factory=dict)
    placed: dict[Instance, str] = field(default_factory=dict)
    held: dict[Instance, str] = field(default_factory=dict)
    surplus: dict[tuple[Instance, str], str] = field(default_factory=dict)
    unplaced: list[Unplaced] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)

    @property
    def hosts(self) -> dict[str, str]:
        """Every instance's host by instance name, as the manifest keeps it."""
        found = {**self.held, **self.placed, **{instance: unit.host for instance, unit in self.kept.items()}}
        return {instance.name: found[instance] for instance in sorted(found)}


@dataclass(frozen=True, slots=True)
class Wishes:
    """Where instances (by name) should be: `preferred` where there is a choice, `forced` there or nowhere."""

    preferred: Mapping[str, str] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)
