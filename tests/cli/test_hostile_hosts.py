"""Whatever hosts say, no verb hands it to the terminal raw, and no line of theirs passes for one of ours (I10, row 35)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from copy import deepcopy
from io import StringIO
from typing import get_args

import pytest
from rich.console import Console

from clusterctl.cli import wiring
from clusterctl.cli.board import Board, heard
from clusterctl.cli.progress import Screen
from clusterctl.cli.verbs import NAMED, VERBS
from clusterctl.model.report import Event
from tests.cli.conftest import Desk, Ran
from tests.cli.hostile_fleet import EVIL, RUN, HostileFleet, Mode
from tests.cli.scenes import a_deploy, begins, planned

FORMS = ("table", "wide", "json", "jsonl", "yaml", "name")
LINES = (
    "plan shop2.yaml",
    "diff shop2.yaml",
    "apply shop2.yaml --yes",
    "delete shop --yes",
    "rollback shop --yes",
    "scale shop/web=3 --yes",
    "restart shop/web --yes",
    "move shop-web-1 h3 --yes",
    "cordon h1 --yes",
    "uncordon h1 --yes",
    "drain h1 --yes",
    "reboot h1 --yes",
    "update h1 --check",
    "update h1 --yes",
    "fence status h1",
    "cp h1:/etc/motd got",
    "exec all -- uptime",
    "exec all --diff -- uptime",
    "run steps.yaml --yes",
    "inventory show",
    "validate",
    "status",
    "hosts",
    "hosts trust all",
    "facts",
    "ps",
    "logs shop",
    "events",
    "explain shop-web-1",
    "explain h1",
    "doctor",
    "audit",
    "health",
    "failover --yes",
    "rebalance --yes",
    "timer status",
    "history",
    "history shop",
    f"show {RUN}",
    f"resume {RUN} --yes",
    f"abort {RUN} --yes",
    "lock status",
    "lock release --force --reason why",
    "completion bash",
)
NOT_RUN = {
    "ssh": "becomes the user's own ssh: what the host says then is between the two",
    "init": "no host is asked",
    "playbook": "no host is asked",
    "lab": "its hosts are its own",
}
NOT_SHOWN = {
    "fence status h1",
    "inventory show",
    "validate",
    "timer status",
    "completion bash",
}
"""Lines that show no words of a host: they ask none, or show what is decided only."""
STEPS = """\
name: chores
steps:
  - name: look
    exec: {command: uptime}
"""


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """Give a desk whose cluster runs two versions of a shop, and a third one to apply."""
    desk.run("apply", "shop.yaml", "--yes")
    text = (desk.folder / "shop.yaml").read_text()
    desk.write("shop2.yaml", text.replace("web:1", "web:2"))
    desk.run("apply", desk.write("again.yaml", text.replace("s3cret", "other")), "--yes")
    desk.write("steps.yaml", STEPS)
    return desk


def raw(text: str) -> set[str]:
    """Return the characters that a terminal would obey; a line ends, and a tab is a blank."""
    return {
        char
        for char in text
        if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }


def runs(desk: Desk, monkeypatch: pytest.MonkeyPatch, line: str) -> Iterator[tuple[str, Ran]]:
    """Run a line in every form against every kind of hostile fleet, each time on the same cluster."""
    for mode in get_args(Mode):
        for form in FORMS:
            fleet = HostileFleet(deepcopy(desk.cluster), mode)
            monkeypatch.setattr(wiring.Workspace, "fleet", property(fleet.of))
            yield f"{mode}, -o {form}", desk.run(*line.split(), "-o", form)


@pytest.mark.parametrize("line", LINES)
def test_nothing_of_a_host_reaches_the_terminal_raw(
    shop: Desk, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    said = ""

    for how, ran in runs(shop, monkeypatch, line):
        said += ran.out + ran.err

        assert (raw(ran.out), raw(ran.err)) == (set(), set()), how
        assert not [text for text in (ran.out + ran.err).splitlines() if text.startswith("FORGED")], how
        assert "Traceback" not in ran.err, how
        assert "defect of clusterctl" not in ran.err, how
        assert "clusterctl failed" not in ran.err, how

    assert ("EVIL" in said) is (line not in NOT_SHOWN)


def test_every_verb_is_among_the_lines() -> None:
    assert {line.split()[0] for line in LINES} == set(VERBS) - set(NOT_RUN)


def test_hostile_documents_are_whole(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for how, ran in runs(shop, monkeypatch, "facts"):
        if how.endswith("json"):
            assert json.loads(ran.out)["kind"] == "Facts", how


def test_labels_of_an_outside_source_are_shown_escaped(desk: Desk) -> None:
    """YAML of a source refuses half pairs itself."""
    zone = "".join(char for char in EVIL if char < "\ud800")
    source = {"all": {"hosts": {"web1": {"ansible_host": "192.0.2.1", "zone": zone}}}}
    desk.write("hosts.yaml", json.dumps(source))
    desk.write("inventory.yaml", "cluster: test\nsources: [{ansible: hosts.yaml, labels_from: [zone]}]\n")

    for form in FORMS:
        ran = desk.run("inventory", "show", "-o", form)

        assert (raw(ran.out), raw(ran.err)) == (set(), set())
        assert "EVIL" in ran.out + ran.err or form == "name"


def test_a_display_on_a_terminal_shows_what_hosts_say_escaped() -> None:
    board = Board()
    plan = a_deploy()
    for event in (planned(plan), begins(plan, 1), Event("host-phase", EVIL, "h1"), Event("wait", EVIL, "h1")):
        board = heard(board, event, 0.0)
    file = StringIO()

    Console(file=file, width=400, height=40, color_system=None).print(Screen(lambda: board, lambda: 1.0))

    assert "EVIL" in file.getvalue()
    assert raw(file.getvalue()) == set()


@pytest.mark.parametrize("line", LINES)
def test_every_verb_prints_names_or_says_that_it_has_none(
    shop: Desk, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    verb, *words = line.split()
    monkeypatch.setattr(wiring.Workspace, "fleet", property(HostileFleet(shop.cluster, "steps").of))
    named = verb in NAMED and (not NAMED[verb] or NAMED[verb] in words)

    ran = shop.run("-o", "name", *line.split())

    said = ran.err.startswith(f"error: --output: {verb} has no names to print\nnext: of audit, cp, diff, ")
    assert said is not named
    assert "defect" not in ran.err
    assert (ran.code, ran.out) == (2, "") or named
    assert all(" " not in name for name in ran.out.splitlines())
