"""`hosts trust`: the host keys that servers offer, shown and, after a yes, added to known_hosts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clusterctl.cli.console import confirm, print_line, say, show_document, show_table
from clusterctl.cli.documents import unreachable_document
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY, InputError
from clusterctl.model.snapshot import Unreachable

if TYPE_CHECKING:
    from clusterctl.cli.wiring import Workspace
    from clusterctl.remote.trust import Offered

_PRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def trust(workspace: Workspace, selector: str | None, prints: Sequence[str]) -> int:
    """Scan hosts without logging in, show their keys, ask, add; a changed key is never replaced."""
    for text in prints:
        if not _PRINT.fullmatch(text):
            raise InputError(f"--fingerprint: expected SHA256: and 43 letters, got {text!r}")
    answers = workspace.fleet.scan(workspace.hosts(selector))
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    offered = [answer for answer in answers.values() if not isinstance(answer, Unreachable)]
    fresh = [one for one in offered if one.state == "new" and (not prints or one.key.print in prints)]
    left = [one for one in offered if one.state == "new" and one not in fresh]
    _show(workspace, offered, failed)
    for one in left:
        say(f"{one.host}: {one.key.print} is not among the fingerprints given; not added")
    added = _add(workspace, fresh, asked=not prints) if fresh else 0
    if workspace.settings.output == "table" and not fresh and not failed and not left:
        print_line("nothing to add")
    if left or any(one.state == "changed" for one in offered):
        return EXIT_IDENTITY
    return EXIT_FAILED if failed or added < len(fresh) else EXIT_DONE


def _show(workspace: Workspace, offered: Sequence[Offered], failed: Sequence[Unreachable]) -> None:
    if workspace.settings.output == "json":
        body = {
            "keys": [_document(one) for one in offered],
            "unreachable": [unreachable_document(one) for one in failed],
        }
        show_document("HostKeys", body)
    else:
        rows = [(one.host, one.name, one.key.kind, one.key.print, one.state) for one in offered]
        show_table(
            ("HOST", "KNOWN AS", "KIND", "FINGERPRINT", "STATE"),
            rows,
            styles={"changed": "red", "new": "yellow"},
        )
    for one in offered:
        if one.state == "changed":
            say(f"{one.host}: {one.problem}")
            say(f"next: if the host was made anew: ssh-keygen -R '{one.name}', then trust it again")
    for answer in failed:
        say(f"{answer.host}: {answer.rung}: {answer.reason}")


def _document(one: Offered) -> dict[str, Any]:
    return {
        "host": one.host,
        "name": one.name,
        "kind": one.key.kind,
        "fingerprint": one.key.print,
        "state": one.state,
        "reason": one.problem,
    }


def _add(workspace: Workspace, fresh: Sequence[Offered], *, asked: bool) -> int:
    """Add keys to the known_hosts of each host, and return how many are there now."""
    from clusterctl.remote.trust import add_host_keys

    if workspace.settings.dry_run:
        say("nothing was added (--dry-run)")
        return len(fresh)
    if asked and not workspace.settings.yes:
        if not workspace.settings.may_ask:
            raise InputError(
                "there is nobody to ask whether these keys are right; nothing was added",
                next_step="compare them, then give --fingerprint SHA256:..., or --yes to trust whoever answers now.",
            )
        if not confirm(f"Are these the keys of the hosts themselves? Add {len(fresh)} to known_hosts?"):
            say("nothing was added")
            return 0
    done = 0
    places: dict[str, list[Offered]] = {}
    for one in fresh:
        places.setdefault(workspace.known_hosts_of(one.host), []).append(one)
    for path, keys in places.items():
        added = add_host_keys(path, keys)
        done += len(keys)
        say(f"added {len(added)} of {len(keys)} to {path}")
    return done
