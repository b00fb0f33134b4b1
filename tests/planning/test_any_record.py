"""Whatever hosts have kept for us, or this machine has: it is a record, or none; a digest is no secret, and proves nothing."""

from __future__ import annotations

import copy
import hashlib
import json
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clusterctl.cli.documents import timestamp
from clusterctl.cli.run_view import run_document
from clusterctl.model.intent import ApplyIntent
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.events import Happening, parse_audit, parse_journal
from clusterctl.planning.generations import latest_manifest, manifests_of
from clusterctl.planning.journal_lines import BadJournalError, parse_lines, render_line
from clusterctl.planning.manifest import (
    digest,
    instances_of,
    make_manifest,
    parse_manifest,
    project_of,
    render_manifest,
)
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.runs import parse_record, parse_summary, render_record, runs_of
from clusterctl.planning.spec import canonical
from clusterctl.planning.timer_status import parse_show, parse_timers, status_of, status_of_heartbeat
from clusterctl.planning.unit_header import parse_header
from tests.builders import PINNED, a_project, a_service, facts_of

MANY = settings(deadline=None)
HOSTILE: st.SearchStrategy[object] = st.sampled_from(
    [
        *(
            0,
            -1,
            1.5,
            10**12,
            10**400,
            1e308,
            float("inf"),
            float("nan"),
            True,
            None,
            "",
            "x",
            "\ud800",
            "\0",
            "../x",
            "a" * 3000,
        ),
        *([], {}, [[]], {"a": 1}, [None], ["a", 1], {"": ""}, {"\ud800": "\x1b[31m"}, "9" * 5000),
    ]
)


def places(tree: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the path of every value in a JSON tree."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


@st.composite
def spoiled(draw: st.DrawFn, tree: object) -> object:
    """Draw a JSON tree in which one or two values are others."""
    tree = json.loads(json.dumps(tree))
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from(places(tree)[1:]))
        inner: object = tree
        for key in path:
            inner = inner[key]  # type: ignore[index]
        inner[last] = copy.deepcopy(draw(HOSTILE))  # type: ignore[index]
    return tree


PROJECT = a_project(a_service(environment={"KEY": "value"}))
GOOD = render_manifest(make_manifest("test", PROJECT, 3, {"web": PINNED}, {"shop-web-1": "h1"}))
RECORD = RunRecord(
    RunSummary(
        "20270115-080001-apply-0001", "apply", "shop", "clusterctl apply", "ops@laptop", 1_800_000_000, 1
    ),
    ApplyIntent(PROJECT),
)


def dump(tree: object) -> str:
    return json.dumps(tree, ensure_ascii=True)


def sealed(line: str) -> str:
    """Return a line of a record with the digest that belongs to it."""
    return f"{line} {hashlib.sha256(line.encode('utf-8', 'backslashreplace')).hexdigest()}"


@MANY
@given(spoiled(json.loads(GOOD)["manifest"]))
def test_any_manifest_with_a_true_digest_is_whole_or_none(body: object) -> None:
    text = dump({"manifest": body, "digest": digest(canonical(body).encode(errors="replace").decode())})
    look = Snapshot(
        {"h1": facts_of("h1", manifests={"shop": text}), "h2": facts_of("h2", manifests={"shop": GOOD})}
    )

    found = parse_manifest(text)

    assert latest_manifest(look, "test", "shop") is not None
    assert manifests_of(look, "test", "shop")
    if found:
        assert parse_manifest(render_manifest(found)) == found
        assert dict(found.placements) is not None
        assert all(isinstance(host, str) for host in (*found.placements.values(), *found.pinned.values()))
        instances_of(found, project_of(found))


@MANY
@given(spoiled(json.loads(render_record(RECORD).partition("\n")[0].rpartition(" ")[0])))
def test_any_run_with_a_true_digest_can_be_shown_or_is_none(head: object) -> None:
    line = dump(head)
    text = f"{sealed(line)}\n{render_record(RECORD).partition(chr(10))[2]}"

    summary = parse_summary(text)

    parse_record(text)
    if summary:
        json.dumps(run_document(summary))
        runs_of(Snapshot({"h1": facts_of("h1", runs={summary.id: text})}))


@MANY
@given(spoiled({"MESSAGE": "x", "__REALTIME_TIMESTAMP": "1800000000000000"}), st.text(max_size=20))
@example({"MESSAGE": "x", "__REALTIME_TIMESTAMP": float("inf")}, "")
def test_any_line_of_a_journal_is_a_happening_or_left_out(entry: object, noise: str) -> None:
    for found in parse_journal("h1", f"{dump(entry)}\n{noise}\n".encode("utf-8", "surrogatepass")):
        shown(found)


@MANY
@given(
    spoiled(
        {
            "when": "2027-01-15T08:00:00Z",
            "step": "Fence",
            "host": "h1",
            "result": "failed",
            "cluster": "c",
            "who": "me",
        }
    )
)
@example({"when": "0001-01-01", "step": "Fence", "host": "h1", "result": "failed", "cluster": "c"})
@example([1])
def test_any_line_of_the_audit_is_a_happening_or_left_out(entry: object) -> None:
    for found in parse_audit([dump(entry)], "c", 0, ["h1"]):
        shown(found)


def shown(found: Happening) -> str:
    return f"{timestamp(found.at_s)} {found.host} {found.who} {found.words}"


@MANY
@given(spoiled({"batch": 1, "kind": "batch", "words": ["a"]}), st.binary(max_size=30))
def test_any_journal_of_a_run_is_entries_or_refused(entry: dict[str, object], noise: bytes) -> None:
    with suppress(BadJournalError):
        parse_lines(render_line(entry, 1).encode() + noise)


@MANY
@given(st.text() | st.text(st.sampled_from("by=run\nsince0123456789\u0663"), max_size=60))
def test_any_text_is_a_marker_and_a_header_or_none(text: str) -> None:
    assert str(parse_marker(text)) is not None
    assert str(parse_marker(f"by=a\nrun=b\nsince={text}")) is not None
    parse_header(f"[X-Clusterctl]\n{text}")


@MANY
@given(spoiled([{"unit": "a.timer", "last": 1_800_000_000_000_000, "next": 1}]), st.text())
def test_any_answer_of_systemd_is_the_state_of_a_timer(rows: object, text: str) -> None:
    times = parse_timers(dump(rows), "a.timer")
    known = status_of("job", parse_show(text), parse_show(text), times, installed=True)

    json.dumps([timestamp(known.last_run_s), timestamp(known.next_run_s)])
    assert status_of_heartbeat("job", text, None).job == "job"
