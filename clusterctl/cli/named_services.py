"""Projects and services as they are typed: PROJECT/SERVICE, PROJECT-SERVICE, SERVICE, or a playbook's file."""

from __future__ import annotations

from clusterctl.cli.wiring import Workspace
from clusterctl.errors import InputError


def find_service(workspace: Workspace, text: str) -> tuple[str, str]:
    """Return project and service of PROJECT/SERVICE, PROJECT-SERVICE or a SERVICE that only one project has.

    Only the first form needs no look. Raises InputError.
    """
    project, slash, service = text.partition("/")
    if slash:
        return project_name(project), project_name(service)
    from clusterctl.model.snapshot import LookRequest
    from clusterctl.planning.status import summarise

    hosts = tuple(host for host in workspace.inventory.hosts if host.name not in workspace.ignored)
    snapshot = workspace.fleet.look(hosts, LookRequest())
    known = [(found.project, found.service) for found in summarise(snapshot, workspace.inventory.cluster)]
    fits = [pair for pair in known if text in {pair[1], "-".join(pair)}]
    if len(fits) == 1:
        return fits[0]
    names = ", ".join("/".join(pair) for pair in fits or known) or "none"
    raise InputError(
        f"{'more than one' if fits else 'no'} service is called {text!r}: {names}",
        next_step="name it as PROJECT/SERVICE. Nothing was changed.",
    )


def is_playbook(text: str) -> bool:
    """Whether a word names a playbook by its file, rather than a project."""
    return text.endswith((".yaml", ".yml")) or "/" in text


def project_name(text: str) -> str:
    """Return the text if it can be a project's name; raises InputError."""
    from clusterctl.parsing.names import parse_service_name
    from clusterctl.parsing.words import Expected, quoted

    try:
        return parse_service_name(text)
    except Expected as expected:
        raise InputError(
            f"not a project: {expected.got(quoted(text))}", next_step="clusterctl status lists projects."
        ) from None
