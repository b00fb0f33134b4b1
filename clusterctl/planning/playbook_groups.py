"""Which hosts go through the steps of a playbook together: groups of `serial`, made smaller where limits demand it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clusterctl.model.intent import StepsIntent
from clusterctl.model.limit import Limit
from clusterctl.model.plan import Blocked
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.host_checks import check_limit
from clusterctl.planning.host_plan import HostPlan
from clusterctl.planning.host_waves import below_floor
from clusterctl.planning.leaving import depart
from clusterctl.planning.limits import why_too_many

TAKES_OUT = frozenset({"drain", "reboot", "update"})
NOBODY = Snapshot({})
SMALLER = "serial lets more hosts go together than limits and services do: they go in smaller groups"


def takes_out(intent: StepsIntent) -> bool:
    """Whether a step takes hosts out."""
    return any(step.verb in TAKES_OUT for step in intent.steps)


def returns(intent: StepsIntent) -> bool:
    """Whether hosts that are taken out run again what stays on them."""
    return any(step.verb in {"reboot", "uncordon"} for step in intent.steps)


def lets_back(intent: StepsIntent) -> bool:
    """Whether a step lets hosts take instances again."""
    return any(step.verb == "uncordon" for step in intent.steps)


def groups_of(hosts: Sequence[str], serial: Sequence[Limit]) -> Iterator[tuple[str, ...]]:
    """Yield the hosts in groups of the sizes of `serial`, its last one repeated."""
    left, number = list(hosts), 0
    while left:
        size = serial[min(number, len(serial) - 1)].of(len(hosts))
        yield tuple(left[:size])
        left, number = left[size:], number + 1


@dataclass(frozen=True, slots=True)
class PlaybookGroups:
    """The groups of a plan that is being made; that they are smaller than `serial` is noted in it once."""

    made: HostPlan
    intent: StepsIntent

    def of(self, ordered: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield the groups; a canary, and hosts that the operator works through, go alone where hosts are taken out."""
        goes_out = takes_out(self.intent)
        alone = {*self.made.inventory.path_hosts, self.intent.rolling.canary} if goes_out else set()
        for group in groups_of(ordered, self.intent.serial):
            together = tuple(host for host in group if host not in alone)
            single = [(host,) for host in group if host in alone]
            first = single if group[0] in alone else []
            yield from first
            yield from self._within_limits(together) if goes_out else [together]
            yield from [] if first else single

    def check(self, groups: Sequence[Sequence[str]]) -> list[Blocked]:
        """Return what forbids that these groups are taken out, all of them at once where none is let back."""
        if not takes_out(self.intent):
            return []
        hosts = [host for group in groups for host in group]
        return check_limit(self.made, hosts, at_once=not lets_back(self.intent))

    def split(self, group: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return as many of a group as may leave at once, and the rest: down to one, whose refusal is then the plan's."""
        many, made = len(group), self.made
        while takes_out(self.intent) and many > 1:
            part = group[:many]
            departure = depart(made.forecast, part, returns=returns(self.intent))
            short = below_floor(made.forecast, made.limits, departure, part)
            if departure.possible and not short:
                break
            many -= 1
        self._note_smaller(group[many:])
        return group[:many], group[many:]

    def _within_limits(self, group: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield a group in as many parts as the limits demand."""
        left = list(group)
        while left:
            part: list[str] = []
            for host in left:
                if not part or not why_too_many(self.made.limits, [*part, host], NOBODY):
                    part.append(host)
            left = [host for host in left if host not in part]
            self._note_smaller(left)
            yield tuple(part)

    def _note_smaller(self, left: Sequence[str]) -> None:
        if left and SMALLER not in self.made.notes:
            self.made.notes.append(SMALLER)
