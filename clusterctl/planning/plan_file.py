"""A plan as a file: what was asked for, the digest of what would be done, and what was seen when it was made. Pure.

The plan itself is not in it: it is made again from the intent and a fresh look, and must be the same one (ADR 0022).
The file holds what a manifest holds, environment values too, so it is 0600 and its second line is packed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from clusterctl.model.intent import ApplyIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.planning.plain import NotPlainError, from_plain, to_line, to_plain
from clusterctl.planning.sealed import digest, intent_of, pack, plain_intent, seal, unpack, unseal

API_VERSION = "clusterctl/v1"
_KIND = '"kind":"PlanFile"'


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What may be shown of a plan file. `made_s`: epoch seconds; `tool`: the version of clusterctl.

    `plan` and `inventory` are digests.
    """

    cluster: str
    verb: str
    subject: str
    by: str
    made_s: int
    tool: str
    plan: str
    inventory: str
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan file. `seen` (host -> what was seen of it) is as `since.fingerprint` makes it."""

    head: PlanHead
    intent: ApplyIntent
    seen: Mapping[str, Mapping[str, str]]


def digest_of_plan(plan: Plan) -> str:
    """Return the digest of all a plan would do, and of what it says of itself."""
    kinds = [type(step).__name__ for batch in plan.batches for step in batch.steps]
    return digest(to_line([to_plain(plan), kinds]))


def digest_of_inventory(inventory: Inventory) -> str:
    """Return the digest of an inventory."""
    return digest(to_line(to_plain(inventory)))


def render_plan_file(file: PlanFile) -> str:
    """Return the two lines of a plan file."""
    head = to_line({"apiVersion": API_VERSION, "kind": "PlanFile", "head": to_plain(file.head)})
    body = pack({**plain_intent(file.intent), "seen": to_plain(file.seen)})
    return f"{seal(head)}\n{seal(body)}\n"


def is_plan_file(text: str) -> bool:
    """Whether a text is a plan file, whole or not, rather than a playbook."""
    first = text.partition("\n")[0]
    return first.startswith('{"apiVersion":"') and _KIND in first


def parse_plan_file(text: str) -> PlanFile:
    """Return a plan file; raises ValueError, which says in words why it cannot be used."""
    first, _, second = text.partition("\n")
    head, body = unseal(first), unseal(second.rstrip("\n"))
    if not head or not body:
        raise ValueError("it was edited, or is not whole")
    try:
        outer = json.loads(head)
        if outer["apiVersion"] != API_VERSION:
            raise ValueError(f"it is of format {outer['apiVersion']}, and this release reads {API_VERSION}")
        plain = unpack(body)
        seen = from_plain(Mapping[str, Mapping[str, str]], plain["seen"])  # type: ignore[type-abstract]
        head_read, intent = from_plain(PlanHead, outer["head"]), intent_of(plain)
    except (KeyError, TypeError, NotPlainError):
        raise ValueError("it is of another release of clusterctl") from None
    if not isinstance(intent, ApplyIntent):
        raise ValueError("it is of another release of clusterctl")  # noqa: TRY004 - what the file says is a value
    return PlanFile(head_read, intent, seen)
