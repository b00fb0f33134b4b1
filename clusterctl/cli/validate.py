"""The verb validate: every mistake of the inventory and of playbooks at once. Nothing is contacted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from clusterctl.cli.console import print_line, show_document
from clusterctl.cli.input_files import read_bytes_beside
from clusterctl.cli.layers import NO_LAYERS, LayerOptions, takes_layers
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, InputError, Mistake

Playbooks = Annotated[list[str] | None, typer.Argument(metavar="PLAYBOOK", help="Playbooks to check too.")]


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("validate")(validate)


@takes_layers
def validate(ctx: typer.Context, playbooks: Playbooks = None, *, layers: LayerOptions = NO_LAYERS) -> int:
    """Check the inventory and playbooks, and list every mistake of all of them; nothing is contacted."""
    workspace = Workspace(ctx.obj, "validate", layers)
    files: list[dict[str, Any]] = []
    failed: list[InputError] = []
    try:
        inventory = workspace.inventory
        files.append(
            {
                "file": workspace.settings.inventory,
                "hosts": len(inventory.hosts),
                "groups": len(inventory.groups),
            }
        )
        for path in playbooks or ():
            try:
                files.append(_checked(workspace, path))
            except InputError as error:
                failed.append(error)
    except InputError as error:
        failed.append(error)
        failed += [_unchecked(path) for path in playbooks or ()]
    if failed:
        raise _together(failed)
    workspace.say_notes()
    if ctx.obj.output == "json":
        notes = workspace.reading.notes
        shown = [{"file": note.file, "line": note.line, "message": note.words} for note in notes]
        show_document("Validation", {"files": files, "notes": shown})
        return EXIT_DONE
    for found in files:
        parts = [f"{count} {_noun(key, count)}" for key, count in found.items() if key != "file"]
        print_line(f"{found['file']}: {', '.join(parts)}")
    return EXIT_DONE


def _noun(plural: str, count: int) -> str:
    return plural.removesuffix("s") if count == 1 else plural


def _checked(workspace: Workspace, path: str) -> dict[str, Any]:
    """Return how much is in a playbook: services, steps or both; raises InputError."""
    from clusterctl.parsing.steps.intent import parse_steps_playbook
    from clusterctl.parsing.yaml import parse_yaml

    data = workspace.read(path)
    top = parse_yaml(data, path, merges=True)
    found: dict[str, Any] = {"file": path}
    if top.get("services") is not None or top.get("steps") is None:
        found["services"] = len(workspace.playbook(path).services)
    if top.get("steps") is not None:
        folder = Path(path).parent
        intent = parse_steps_playbook(
            data, path, inventory=workspace.inventory, read_file=lambda name: read_bytes_beside(folder, name)
        )
        found["steps"] = len(intent.steps)
    return found


def _unchecked(path: str) -> InputError:
    message = "not checked: the inventory has mistakes"
    return InputError(message, mistakes=[Mistake(path, 0, message)])


def _together(failed: Sequence[InputError]) -> InputError:
    if len(failed) == 1:
        return failed[0]
    mistakes = [mistake for error in failed for mistake in error.mistakes]
    bare = [error.message for error in failed if not error.mistakes]
    details = [*bare, *(detail for error in failed for detail in error.details)]
    return InputError(f"{len(failed)} files have mistakes", mistakes=mistakes, details=details)
