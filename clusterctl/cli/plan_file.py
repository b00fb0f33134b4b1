"""Plan files: `plan --out FILE` writes one, `apply FILE` carries out exactly that plan or says what has changed since."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from clusterctl import __version__
from clusterctl.cli.console import say
from clusterctl.cli.documents import timestamp
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import InputError, RefusedError
from clusterctl.model.intent import ApplyIntent
from clusterctl.model.plan import Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.plan_file import (
    PlanFile,
    PlanHead,
    digest_of_inventory,
    digest_of_plan,
    is_plan_file,
    parse_plan_file,
    render_plan_file,
)
from clusterctl.planning.since import changed_since, fingerprint

MOST_LINES = 20


@dataclass(frozen=True)
class PlanWriter:
    """Writes the plan that is shown to a file; it is called with the plan and the look it was made from."""

    workspace: Workspace
    intent: ApplyIntent
    summary: RunSummary
    path: str

    def __call__(self, plan: Plan, snapshot: Snapshot) -> None:
        """Write the file; raises InputError where that cannot be."""
        if plan.blocked or plan.unplaced:
            return
        inventory = self.workspace.inventory
        head = PlanHead(
            inventory.cluster,
            plan.verb,
            plan.subject,
            self.summary.by,
            self.summary.started_s,
            __version__,
            digest_of_plan(plan),
            digest_of_inventory(inventory),
            tuple(sorted(self.workspace.ignored)),
        )
        seen = fingerprint(inventory, snapshot, self.intent.project)
        _write(self.path, render_plan_file(PlanFile(head, self.intent, seen)))
        say(
            f"the plan is in {self.path}, mode 0600: it holds environment values; "
            f"to carry it out: clusterctl apply {self.path}"
        )


@dataclass(frozen=True)
class PlanKeeper:
    """Holds a run to the plan of a file; it is called with each plan that is made and the look it was made from."""

    workspace: Workspace
    file: PlanFile
    path: str

    def __call__(self, plan: Plan, snapshot: Snapshot) -> None:
        """Raise RefusedError where it is another plan now, unless nothing is left to do."""
        head = self.file.head
        if plan.is_empty or digest_of_plan(plan) == head.plan:
            return
        raise RefusedError(
            f"cannot apply {self.path}: the plan of {timestamp(head.made_s)} by {head.by} does not hold any more",
            details=self._why(snapshot),
            next_step=f"{self._left_over(snapshot)}make a new plan with clusterctl plan PLAYBOOK --out {self.path}. "
            "Nothing was changed.",
        )

    def _why(self, snapshot: Snapshot) -> list[str]:
        from clusterctl.parsing.selector import fold

        inventory, head = self.workspace.inventory, self.file.head
        now = fingerprint(inventory, snapshot, self.file.intent.project)
        lines = [f"{fold(hosts)}  {words}" for hosts, words in changed_since(self.file.seen, now)]
        if digest_of_inventory(inventory) != head.inventory:
            lines.append("the inventory is another one now")
        if head.tool != __version__:
            lines.append(f"it was made by clusterctl {head.tool}, and this is {__version__}")
        if len(lines) > MOST_LINES:
            lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more"]
        return lines or ["what would be done is another thing now, though no host tells a difference"]

    def _left_over(self, snapshot: Snapshot) -> str:
        """Say how to go on with a run of this plan that was interrupted."""
        from clusterctl.planning.runs import left_unfinished, runs_of

        mine = [
            run.id
            for run in left_unfinished(runs_of(snapshot))
            if (run.verb, run.subject) == (self.file.head.verb, self.file.head.subject)
        ]
        return f"clusterctl resume {mine[0]} goes on with what was interrupted; else " if mine else ""


def read_plan(workspace: Workspace, path: str) -> PlanKeeper | None:
    """Return who holds a run to the plan in a file, or None where it is no plan; nothing is contacted.

    Raises InputError for a damaged file, RefusedError for the plan of another cluster.
    """
    text = workspace.read(path).decode("utf-8", "replace")
    if not is_plan_file(text):
        return None
    try:
        file = parse_plan_file(text)
    except ValueError as error:
        raise InputError(
            f"{path}: this plan cannot be used: {error}",
            next_step=f"make it anew with clusterctl plan PLAYBOOK --out {path}. Nothing was contacted.",
        ) from None
    head = file.head
    cluster = workspace.inventory.cluster
    if head.cluster != cluster:
        raise RefusedError(
            f"{path} is a plan for cluster {head.cluster}, and the inventory is that of {cluster}",
            next_step=f"give the inventory of {head.cluster} with -i FILE. Nothing was contacted.",
        )
    _warn_of_readers(path)
    say(f"the plan of {timestamp(head.made_s)} by {head.by}")
    kept = _ignoring(workspace, head.ignored)
    return PlanKeeper(kept, file, path)


def _ignoring(workspace: Workspace, ignored: tuple[str, ...]) -> Workspace:
    """Return the workspace with the hosts left out that were left out when the plan was made; raises InputError."""
    given = workspace.ignored
    if given and given != set(ignored):
        raise InputError(
            f"the plan was made {f'without {chr(32).join(ignored)}' if ignored else 'with all hosts'}",
            next_step="leave out --ignore-host: it is part of the plan. Nothing was contacted.",
        )
    if given == set(ignored):
        return workspace
    return replace(workspace, settings=replace(workspace.settings, ignore_hosts=ignored))


def _warn_of_readers(path: str) -> None:
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if mode & 0o077:
        say(
            f"note: others can read {path} (mode {mode:04o}), and it holds environment values: chmod 600 {path}"
        )


def _write(path: str, text: str) -> None:
    """Write a private file as a whole, beside and then renamed; raises InputError."""
    from clusterctl.operations import state

    place = Path(path)
    try:
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            state.replace(folder, place.name, text.encode())
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            f"cannot write the plan to {path}: {reason}", next_step="check the path. No host was changed."
        ) from None
