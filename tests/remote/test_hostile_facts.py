"""Each field of a look, one after the other, says what cannot be: the host is read or unknown, and nobody else suffers.

Rows 38 and 39, and I10. Damage at random places is in `test_any_answer`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from clusterctl.cli.documents import host_document, instance_document
from clusterctl.cli.wide import wide_host, wide_instance
from clusterctl.errors import ClusterctlError
from clusterctl.model.intent import ApplyIntent, DrainIntent, Intent, RebalanceIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.report import CommandResult
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot, Unreachable
from clusterctl.planning.doctor import find_complaints
from clusterctl.planning.explain import scenes_of
from clusterctl.planning.explain_host import explain_host
from clusterctl.planning.intents import plan_intent
from clusterctl.planning.losses import find_losses
from clusterctl.planning.manifest import digest
from clusterctl.planning.observed import observe_units
from clusterctl.planning.runs import runs_of
from clusterctl.planning.spec import canonical
from clusterctl.planning.status import summarise
from clusterctl.planning.unit_header import Header
from clusterctl.remote.facts import parse_look
from clusterctl.remote.frame import parse_frame
from tests.builders import a_project, an_inventory, facts_of
from tests.remote.test_facts import NONCE, WHOLE

INVENTORY = an_inventory(["h1", "h2"], cluster="lab-dev")
RUN = RunSummary(
    "20270115-080000-drain-0001", "drain", "h1", "clusterctl drain h1", "dev@laptop", 1_800_000_000
)
SECTIONS = {name: section.body.decode() for name, section in parse_frame(WHOLE, NONCE).sections.items()} | {
    "epoch": "7\n",
    "failed": "cron.service loaded failed failed\n",
    "networks": "clusterctl-hello-net 0123456789abcdef\n",
    "reboot": "linux-image\n",
    "marker:cordoned": '{"by": "dev@laptop", "since_s": 1800000000, "reason": "disk", "run": ""}\n',
    "history:hello@1.json": "",
    "run:20270115-080000-apply-0001.json": "",
}
DEEP: Any = []
for _ in range(900):
    DEEP = [DEEP]
JSON_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**400, 1.5, "", "x" * 5000, "../../etc/passwd", "$(reboot)", "`id`;#", "%n%s", "a\nb",
    "\x1b]0;t\x07", "\u202e", "\ud800", "\x00", [], {}, [1, "a"], {"a": {"b": 1}}, ["$(reboot)"], {"../x": "y"},
    DEEP, float("nan"), float("inf"), -float("inf"),
)  # fmt: skip
TEXT_VALUES = (
    "", "-1", "0", "NaN", "inf", "1e999", "1.5", "9" * 12, "9" * 18, "9" * 19, "9" * 400, "9" * 5000, "\u0663", "@" + "9" * 12,
    "x" * 5000, "../../etc/passwd", "$(reboot)", "`id`;#", "%n%s", "\x1b]0;t\x07", "\x85\u2028", "\x00", "[]", "yes no",
)  # fmt: skip
ID = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def answer(**changed: str) -> HostFacts | Unreachable:
    """Return what is read out of the look with some of its sections changed."""
    parts = [
        f"\n{NONCE} section {name}\n{text}\n{NONCE} end-section 0\n".encode("utf-8", "surrogatepass")
        for name, text in (SECTIONS | changed).items()
    ]
    stdout = b"".join([f"\n{NONCE} begin\n".encode(), *parts, f"\n{NONCE} end 0\n".encode()])
    return parse_look("h1", "10.0.0.1", CommandResult("h1", 0, stdout, b""), NONCE)


def changed(value: Any, new: Any) -> Iterator[Any]:
    """Yield a JSON value with one of its parts, down to the last, replaced or left out."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield value | {key: new}
            yield {name: each for name, each in value.items() if name != key}
            for deeper in changed(part, new):
                yield value | {key: deeper}
        yield value | {str(new)[:100]: new}
    elif isinstance(value, list):
        for place, part in enumerate(value):
            for deeper in [new, *changed(part, new)]:
                yield [*value[:place], deeper, *value[place + 1 :]]


def judge(found: HostFacts | Unreachable, what: object) -> None:
    """Demand a reason for people, or facts that every reader and planner can take."""
    if isinstance(found, Unreachable):
        assert (found.host, found.rung) == ("h1", "answer"), what
        assert found.reason.startswith("the answer cannot be true: "), what
        assert found.reason.isprintable(), what
    else:
        assert all(ID.fullmatch(each.id) and NAME.fullmatch(each.name) for each in found.containers or ()), (
            what
        )
        assert (
            min(found.memory_bytes, found.disk_free_bytes, found.uptime_s, found.clock_s, found.cpus) >= 0
        ), what
        use(found)


def use(found: HostFacts) -> None:
    """Have everything that reads facts read them, beside those of a host that is well."""
    snapshot = Snapshot({"h1": found, "h2": facts_of("h2", cluster="lab-dev")})
    for host in INVENTORY.hosts:
        json.dumps(host_document(host, snapshot.hosts[host.name]))
        wide_host(snapshot.hosts[host.name])
    for unit in observe_units(snapshot, "lab-dev"):
        json.dumps(instance_document(unit))
        wide_instance(unit)
    summarise(snapshot, "lab-dev")
    runs_of(snapshot)
    find_complaints(INVENTORY, snapshot)
    find_losses(INVENTORY, snapshot)
    explain_host(INVENTORY, snapshot, scenes_of(INVENTORY, snapshot), found, RUN)
    for intent in (ApplyIntent(a_project()), DrainIntent(("h1",)), RebalanceIntent()):
        plan(INVENTORY, intent, snapshot)


def plan(inventory: Inventory, intent: Intent, snapshot: Snapshot) -> Plan | None:
    try:
        return plan_intent(intent, inventory, snapshot, ignored=frozenset(), run=RUN, now_s=1_800_000_000)
    except ClusterctlError:
        return None  # it cannot be done, and says so


def test_the_look_is_good_before_anything_is_changed() -> None:
    found = answer()

    assert isinstance(found, HostFacts)
    assert (found.epoch, len(found.units), len(found.containers or ())) == (7, 1, 2)
    judge(found, "whole")


@pytest.mark.parametrize("value", JSON_VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["containers", "images"])
def test_every_field_that_docker_tells_may_lie(name: str, value: Any) -> None:
    first, _, rest = SECTIONS[name].partition("\n")
    for lie in [value, *changed(json.loads(first), value)]:
        judge(answer(**{name: f"{json.dumps(lie)}\n{rest}"}), lie)


@pytest.mark.parametrize("value", JSON_VALUES, ids=lambda value: repr(value)[:20])
def test_every_field_of_a_manifest_may_lie(value: Any) -> None:
    """A host can write any digest."""
    body = json.loads(SECTIONS["manifest:hello.json"])["manifest"]
    for lie in [value, *changed(body, value)]:
        try:
            sealed = digest(canonical(lie))
        except (ValueError, RecursionError):
            sealed = ""
        text = json.dumps({"manifest": lie, "digest": sealed})
        judge(answer(**{"manifest:hello.json": text, "history:hello@1.json": text}), lie)


@pytest.mark.parametrize("value", JSON_VALUES, ids=lambda value: repr(value)[:20])
def test_every_field_of_a_marker_may_lie(value: Any) -> None:
    for lie in [value, *changed(json.loads(SECTIONS["marker:cordoned"]), value)]:
        judge(answer(**{"marker:cordoned": json.dumps(lie), "marker:../../x": json.dumps(lie)}), lie)


LINES = ("basics", "manager", "failed", "units", "env", "listen", "volumes", "networks", "disk", "epoch", "reboot",
         "info", "cluster:cluster")  # fmt: skip


@pytest.mark.parametrize("value", TEXT_VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", LINES)
def test_every_word_of_a_line_may_lie(name: str, value: str) -> None:
    for start, end in [match.span() for match in re.finditer(r"[^\s=/:]+", SECTIONS[name])] or [(0, 0)]:
        text = SECTIONS[name][:start] + value + SECTIONS[name][end:]
        judge(answer(**{name: text}), text)


def test_what_a_unit_says_of_itself_has_bounds() -> None:
    """A stop is not waited for as long as the host likes (I11), and no figure of it is no number."""
    body = SECTIONS[UNIT].rpartition("Digest=")[0]

    def headers(lines: str) -> list[Header]:
        text = f"{body}{lines}\n"
        found = answer(**{UNIT: f"{text}Digest=sha256:{digest(text)}\n"})
        return [unit.header for unit in observe_units(Snapshot({"h1": found}), "lab-dev")]

    assert [header.stop_s for header in headers("StopSeconds=999999999999")] == [86_400]
    assert (
        headers("Cpus=nan") == headers("Cpus=-1") == headers("Cpus=inf") == headers("HostPorts=$(id)") == []
    )


UNIT = "unit:clusterctl-hello-web-2.service"


@pytest.mark.parametrize("value", TEXT_VALUES, ids=lambda value: repr(value)[:20])
def test_every_value_of_a_units_header_may_lie(value: str) -> None:
    """With a digest that fits, as a host can make one."""
    body = SECTIONS[UNIT].rpartition("Digest=")[0]
    header = body.rindex("[X-Clusterctl]")
    for match in re.finditer(r"(?m)(?<==).*$", body[header:]):
        text = body[: header + match.start()] + value + body[header + match.end() :]
        judge(answer(**{UNIT: f"{text}Digest=sha256:{digest(text)}\n"}), value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("containers", "{}\n" * 1_000_000),
        ("containers", "[" * 1_000_000),
        ("containers", '{"a":' * 100_000),
        ("images", "{}\n" * 1_000_000),
        ("volumes", "v\n" * 1_000_000),
        ("networks", "n\n" * 1_000_000),
        ("failed", "".join(f"u{number}.service\n" for number in range(500_000))),
        ("listen", "".join(f"tcp LISTEN 0 1 10.0.{n >> 8 & 255}.{n & 255}:{n % 60000 + 1} *:*\n" for n in range(200_000))),
        ("units", "Id=clusterctl-x.service\n\n" * 300_000),
        ("epoch", str(2**63)),
        ("epoch", "9" * 15 + "0"),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_a_million_of_something_is_read_or_refused_in_no_time(name: str, text: str) -> None:
    found = answer(**{name: text})

    judge(found, name)
    if name in {"containers", "images", "volumes", "networks", "epoch", "failed", "listen"}:
        assert isinstance(found, Unreachable)


def test_the_others_go_on_when_one_host_lies() -> None:
    answers: Mapping[str, HostFacts | Unreachable] = {
        "h1": answer(basics=SECTIONS["basics"].replace("cpus ", "cpus -")),
        "h2": facts_of("h2", cluster="lab-dev"),
    }

    assert isinstance(answers["h1"], Unreachable)
    assert [facts.host for facts in Snapshot(answers).seen] == ["h2"]
