"""hosts, facts, ps and status as they are typed; global options anywhere on the line."""

from __future__ import annotations

import json

import pytest

from clusterctl.cli import lab as lab_verbs
from clusterctl.cli.look import age
from clusterctl.model.snapshot import Unreachable
from tests.cli.conftest import Desk, names

ESCAPE = "\x1b]0;title\x07\x9b31m\u202e"


@pytest.mark.parametrize(
    "words", [("ps", "-o", "json"), ("-o", "json", "ps"), ("ps", "-ojson"), ("--output=json", "ps")]
)
def test_global_options_may_stand_anywhere(desk: Desk, words: tuple[str, ...]) -> None:
    ran = desk.run(*words)

    assert ran.code == 0
    assert json.loads(ran.out)["kind"] == "Instances"


def test_ps_in_json_has_its_published_fields(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    found = json.loads(desk.run("ps", "-o", "json").out)

    assert found["apiVersion"] == "clusterctl/v1"
    assert found["unreachable"] == []
    first = found["instances"][0]
    published = ("name", "project", "service", "slot", "host", "state", "health", "image", "since")
    assert {key: first[key] for key in published} == {
        "name": "shop-web-1",
        "project": "shop",
        "service": "web",
        "slot": 1,
        "host": "h1",
        "state": "running",
        "health": "none",
        "image": "registry:5000/web:1",
        "since": "2027-01-15T08:00:03Z",
    }


def test_ps_shows_a_table(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    lines = desk.run("ps").out.splitlines()

    assert lines[0].split() == ["INSTANCE", "HOST", "STATE", "HEALTH", "SINCE", "IMAGE"]
    assert lines[1].split() == [
        "shop-web-1",
        "h1",
        "running",
        "none",
        "2s",
        "registry:5000/web:1",
    ]


@pytest.mark.parametrize(
    ("passed_s", "shown"),
    [(-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_800, "2d")],
)
def test_an_age_is_shown_in_one_unit(passed_s: int, shown: str) -> None:
    assert age(1_000_000, 1_000_000 + passed_s) == shown


def test_an_unknown_age_is_empty() -> None:
    assert age(None, 1_000_000) == ""


def test_hosts_in_json_has_its_published_fields(desk: Desk) -> None:
    found = json.loads(desk.run("hosts", "-o", "json").out)

    assert names(found["hosts"], "host") == ["h1", "h2", "h3"]
    assert set(found["hosts"][0]) >= {
        "host",
        "address",
        "boot_id",
        "labels",
        "reachable",
        "docker",
        "load_1m",
    }
    assert found["hosts"][0]["boot_id"] == "boot-h1"


def test_facts_takes_a_host(desk: Desk) -> None:
    found = json.loads(desk.run("facts", "h2", "-o", "json").out)

    assert names(found["hosts"], "host") == ["h2"]


def test_a_selector_chooses_hosts(desk: Desk) -> None:
    found = json.loads(desk.run("-H", "h[1-2]", "hosts", "-o", "json").out)

    assert names(found["hosts"], "host") == ["h1", "h2"]


@pytest.mark.parametrize(
    ("rung", "code", "step"),
    [
        ("connect", 1, "is it up? look at its console, and at the way to it from here"),
        ("host-key", 6, "clusterctl hosts trust h2"),
    ],
)
def test_a_host_that_does_not_answer_is_unknown_not_stopped(
    desk: Desk, rung: str, code: int, step: str
) -> None:
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", rung, "no")  # type: ignore[arg-type]

    ran = desk.run("ps")

    assert ran.code == code
    assert ran.err.splitlines()[-2:] == [
        f"h2: {rung}: no; what runs there is unknown, not stopped",
        f"next: h2: {step}",
    ]


@pytest.mark.parametrize("words", [("hosts",), ("status",), ("plan", "shop.yaml")])
def test_hosts_whose_clocks_are_off_are_named_in_every_look(desk: Desk, words: tuple[str, ...]) -> None:
    desk.cluster.clock_s += 86_400

    ran = desk.run(*words)

    assert ran.code == 0
    assert "clock: this machine is 24 h behind all 3 hosts" in ran.err


def test_a_host_without_docker_shows_so(desk: Desk) -> None:
    desk.cluster.hosts["h2"].docker = False

    lines = desk.run("hosts").out.splitlines()

    assert "not answering" in lines[2]


def test_status_is_1_when_something_is_not_as_it_should_be(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    well = desk.run("status")
    desk.cluster.hosts["h1"].active["clusterctl-shop-web-1.service"] = "failed"
    desk.cluster.hosts["h1"].containers.clear()

    ill = desk.run("status", "-o", "json")

    assert (well.code, ill.code) == (0, 1)
    assert json.loads(ill.out)["services"][0]["notes"] == "shop-web-1 on h1: failed, none"


def test_a_foreign_unit_with_our_prefix_is_told(desk: Desk) -> None:
    desk.cluster.hosts["h1"].add_foreign_unit("clusterctl-backup.service")

    assert desk.run("ps").err.splitlines()[-1] == "note: h1: clusterctl-backup.service is not ours"


@pytest.mark.parametrize("count", ["0", "-1", "1000000", "many"])
def test_a_number_of_workers_that_is_none_is_refused(desk: Desk, count: str) -> None:
    ran = desk.run("ps", "--workers", count)

    assert ran.code == 2
    assert "--workers" in ran.err
    assert desk.cluster.looks == []


def test_an_option_of_the_verb_is_not_taken_for_a_global_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def up(name: str, hosts: int, say: object) -> object:
        del say
        asked.append((name, hosts))
        return object()

    monkeypatch.setattr("clusterctl.lab.up", up)
    monkeypatch.setattr(lab_verbs, "_show", lambda _ctx, _info: None)

    ran = desk.run("lab", "up", "--hosts", "5", "--name", "x")

    assert (ran.code, asked) == (0, [("x", 5)])


def test_nothing_after_a_double_dash_is_an_option_of_ours(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    desk.write("inventory.yaml", "cluster: test\nhosts: {h1: {}}\n")

    ran = desk.run("exec", "h9", "--", "ls", "-o", "json")

    assert ran.code == 2
    assert "h9" in ran.err


VERBS = [("ps",), ("hosts",), ("status",), ("facts",), ("plan", "shop.yaml"), ("apply", "shop.yaml", "--yes")]


def say_the_worst(desk: Desk, words: tuple[str, ...]) -> str:
    """Run a verb on hosts whose every text is hostile; return all that would reach the terminal."""
    desk.run("apply", "shop.yaml", "--yes")
    for host in desk.cluster.hosts.values():
        host.markers["cordoned"] = ESCAPE
        host.add_foreign_unit(f"clusterctl-{ESCAPE}.service")
    desk.cluster.hosts["h3"].unreachable = Unreachable("h3", "banner", ESCAPE)
    ran = desk.run(*words)
    return ran.out + ran.err


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_nothing_a_host_says_reaches_the_terminal_raw(desk: Desk, verb: tuple[str, ...]) -> None:
    """I10, bad-input row 35."""
    assert not set("\x1b\x07\x9b\u202e") & set(say_the_worst(desk, verb))


@pytest.mark.parametrize("verb", VERBS[:4], ids=lambda verb: verb[0])
def test_json_escapes_what_hosts_say(desk: Desk, verb: tuple[str, ...]) -> None:
    assert not set("\x1b\x07\x9b\u202e") & set(say_the_worst(desk, (*verb, "-o", "json")))


def test_help_and_version_are_0(desk: Desk) -> None:
    assert desk.run("--help").code == 0
    assert desk.run("ps", "--help").code == 0
    assert desk.run("--version").out.startswith("clusterctl ")
