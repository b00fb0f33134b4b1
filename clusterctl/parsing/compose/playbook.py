"""A playbook, which is a Compose file, as a model value. Which keys there are is in `compose.keys`.

Every mistake of the file, and of its env files, is listed at once. Nothing is looked up on any host.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from clusterctl.model.inventory import Policy
from clusterctl.model.service import Project
from clusterctl.parsing.compose.declared import declared_in, services_of
from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.compose.layers import NO_LAYERS, Layers, assemble
from clusterctl.parsing.compose.walk import Context, by_section, read_section
from clusterctl.parsing.cursor import Cursor

LONGEST_NAME = 41

_KEYS = by_section(SUPPORTED)
_KNOWN = by_section(KNOWN)


def parse_playbook(
    data: bytes | str,
    file: str,
    *,
    read_file: Callable[[str], str],
    policy: Policy,
    default_name: str = "",
    layers: Layers = NO_LAYERS,
) -> Project:
    """Return the project in the text; raises InputError with every mistake of all its files.

    `read_file` gives the text of a file that the playbook names by its path as written, and raises OSError where it
    cannot. `default_name` (the file's stem) is the project's name where the file has no `name:`. `layers`: what is
    laid over it, variables, profiles.
    """
    root, variables = assemble(data, file, read_file, layers)
    context = Context(_KEYS, _KNOWN, read_file, policy, variables, **declared_in(root))
    project = _read_project(root, context, default_name)
    root.log.raise_if_any()
    return project


def _read_project(root: Cursor, context: Context, default_name: str) -> Project:
    keys = read_section(root, "", context)
    if "services" not in keys:
        _note_no_services(root)
    if "name" not in keys and not normalise_name(default_name):
        root.mistake('"name" is missing, and the file\'s name gives none', 1)
    name = keys["name"] if "name" in keys else normalise_name(default_name)
    services = services_of(root, keys, name or "", context.policy)
    return Project(name or "", services, tuple(keys.get("volumes") or ()))


def _note_no_services(root: Cursor) -> None:
    steps = next((entry for entry in root.value.entries if entry.key == "steps"), None)
    if steps is None:
        root.mistake('"services" is missing: at least one service is needed', 1)
    else:
        command = f"clusterctl run {root.log.file}"
        root.mistake(f"there are steps and no services here: run them with {command}", steps.line)


def normalise_name(stem: str) -> str:
    """Return a project's name from a file's: lower case, `_` as `-`, other characters left out."""
    return re.sub(r"[^a-z0-9-]", "", stem.lower().replace("_", "-")).lstrip("-")[:LONGEST_NAME]
