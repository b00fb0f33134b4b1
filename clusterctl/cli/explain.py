"""The verb explain: why an instance is where it is and not elsewhere, and what is true of a host."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clusterctl.cli.carry import begin_run
from clusterctl.cli.console import print_line, say, show_document, show_table
from clusterctl.cli.layers import NO_LAYERS, LayerOptions, takes_layers
from clusterctl.cli.one_look import exit_code
from clusterctl.cli.reasons import folded
from clusterctl.cli.scene_names import explain_one_more, find_instances
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import IdentityError, InputError, RemoteError
from clusterctl.model.snapshot import HostFacts, LookRequest, Snapshot

if TYPE_CHECKING:
    from clusterctl.planning.explain import Explanation, HostAnswer, Scene
    from clusterctl.planning.explain_host import HostExplanation

MOST_SHOWN = 8
MIB = 1024**2


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("explain")(explain)


@takes_layers
def explain(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="SERVICE|INSTANCE|HOST", help="shop/web, web, shop-web-2, or a host's name."),
    ],
    playbook: Annotated[
        str, typer.Option("--playbook", metavar="FILE", help="As if this playbook were applied now.")
    ] = "",
    *,
    layers: LayerOptions = NO_LAYERS,
) -> int:
    """Say why an instance is where it is, and for each host why it could be there or not; changes nothing.

    Of a host: what runs there, how full it is, what could and could not be there, what a drain would do.
    """
    from clusterctl.planning.explain import scenes_of

    workspace = Workspace(ctx.obj, f"explain {what}", layers)
    wanted = workspace.playbook(playbook) if playbook else None
    hosts = tuple(host for host in workspace.inventory.hosts if host.name not in workspace.ignored)
    snapshot = workspace.fleet.look(hosts, LookRequest(history=True))
    scenes = scenes_of(workspace.inventory, snapshot, wanted)
    if what in workspace.inventory.names:
        return _host(workspace, snapshot, scenes, what)
    asked = find_instances(scenes, what)
    explained = [scene.explain(instance) for scene, instance in asked]
    more = explain_one_more(scenes, what) if not any(str(instance) == what for _, instance in asked) else None
    if ctx.obj.output == "json":
        body = {
            "instances": [_document(one) for one in explained],
            "one_more": _document(more) if more else None,
            "unknown": [answer.host for answer in snapshot.unreachable],
        }
        show_document("Explanation", body)
    else:
        _print(explained, more)
    _say_unknown(snapshot)
    return exit_code(snapshot)


# --- instances -----------------------------------------------------------------------------------


def _print(explained: Sequence[Explanation], more: Explanation | None) -> None:
    for one in explained:
        where = (f"on {one.host}" if one.runs else f"would go to {one.host}") if one.host else "has no place"
        print_line(f"{one.instance}  {where}  ({one.why})")
    if len(explained) == 1 and more is None:
        _print_hosts(explained[0], explained[0].host)
    elif more:
        print_line(f"one more ({more.instance}), with all of these in their places:")
        _print_hosts(more, "")


def _print_hosts(one: Explanation, home: str) -> None:
    from clusterctl.parsing.selector import fold

    if one.needs:
        print_line(f"needs: {one.needs}")
    mark = "here" if one.runs else "goes here"
    able = sorted((answer for answer in one.answers if answer.rank), key=lambda answer: answer.rank)
    if able:
        print_line(f"could be on {_count(len(able))}, best first:")
        for answer in able[:MOST_SHOWN]:
            here = f"  <- {mark}" if answer.host == home else ""
            print_line(f"  {answer.rank:3}. {answer.host}  {', '.join(answer.terms)}{_ahead(answer)}{here}")
        hidden = [answer for answer in able[MOST_SHOWN:] if answer.host == home]
        if len(able) > MOST_SHOWN:
            print_line(
                f"       and {_count(len(able) - MOST_SHOWN)} more: {fold(a.host for a in able[MOST_SHOWN:])}"
            )
        for answer in hidden:
            print_line(f"  {answer.rank:3}. {answer.host}  {', '.join(answer.terms)}  <- {mark}")
    refused = [answer for answer in one.answers if answer.reasons]
    if refused:
        print_line(f"could not be on {_count(len(refused))}:")
        for hosts, reasons in folded(refused):
            here = "  <- here: it may stay, but would not be placed there anew" if home in hosts else ""
            print_line(f"  {fold(hosts)}  {'; '.join(reasons)}{here}")


def _ahead(answer: HostAnswer) -> str:
    return f"  (before the next by {answer.ahead_by})" if answer.ahead_by else ""


def _document(one: Explanation) -> dict[str, Any]:
    return {
        "instance": one.instance.name,
        "needs": one.needs,
        "host": one.host or None,
        "runs": one.runs,
        "why": one.why,
        "hosts": [_answer_document(answer) for answer in one.answers],
    }


def _answer_document(answer: HostAnswer) -> dict[str, Any]:
    return {
        "host": answer.host,
        "may": not answer.reasons,
        "reasons": list(answer.reasons),
        "rank": answer.rank or None,
        "terms": list(answer.terms),
        "ahead_by": answer.ahead_by or None,
    }


# --- a host --------------------------------------------------------------------------------------


def _host(workspace: Workspace, snapshot: Snapshot, scenes: dict[str, Scene], name: str) -> int:
    from clusterctl.planning.explain_host import explain_host

    facts = snapshot.hosts.get(name)
    if facts is None:
        raise InputError(f"{name} is left out by --ignore-host", next_step="leave that option out.")
    if not isinstance(facts, HostFacts):
        refused = IdentityError if facts.is_identity else RemoteError
        raise refused(f"what is on {name} is unknown: {facts.rung}: {facts.reason}")
    found = explain_host(workspace.inventory, snapshot, scenes, facts, begin_run(workspace, "drain", name))
    if workspace.settings.output == "json":
        show_document("HostExplanation", _host_document(found))
    else:
        _print_host(found)
    _say_unknown(snapshot)
    return exit_code(snapshot)


def _print_host(found: HostExplanation) -> None:
    share = found.share
    print_line(f"{found.host}: {'; '.join(found.markers) or 'takes new instances'}")
    print_line(
        f"reserved: {share.cpus_reserved:g} of {share.cpus:g} cpus, {share.memory_reserved // MIB} of "
        f"{share.memory_bytes // MIB} MiB of memory; disk: {share.disk_free_bytes // MIB} of "
        f"{share.disk_total_bytes // MIB} MiB free"
    )
    for words in found.wrong:
        print_line(f"wrong: {words}")
    print_line()
    rows = [(str(one.instance), state, one.why) for one, state in found.runs]
    show_table(("RUNS HERE", "STATE", "WHY"), rows) if rows else print_line("runs nothing of ours")
    if found.services:
        print_line()
        rows = [
            (name, "no" if answer.reasons else "yes", "; ".join(answer.reasons or answer.terms))
            for name, answer in found.services.items()
        ]
        show_table(("ONE MORE OF", "HERE", "WHY"), rows)
    print_line()
    print_line("a drain:")
    for words in found.drain:
        print_line(f"  {words}")


def _host_document(found: HostExplanation) -> dict[str, Any]:
    return {
        "host": found.host,
        "markers": list(found.markers),
        "wrong": list(found.wrong),
        **dataclasses.asdict(found.share),
        "runs": [
            {"instance": one.instance.name, "state": state, "why": one.why} for one, state in found.runs
        ],
        "services": [{"service": name, **_answer_document(one)} for name, one in found.services.items()],
        "drain": list(found.drain),
    }


def _count(number: int) -> str:
    return f"{number} {'host' if number == 1 else 'hosts'}"


def _say_unknown(snapshot: Snapshot) -> None:
    for answer in snapshot.unreachable:
        say(f"{answer.host}: {answer.rung}: {answer.reason}; what could be there is unknown")
