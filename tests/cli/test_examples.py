"""The examples of the help pages can be typed: each is parsed as it stands, and carried out where memory can do it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from clusterctl.cli.app import app
from clusterctl.cli.examples import EXAMPLES
from clusterctl.parsing.inventory.file import parse_inventory
from tests.cli.conftest import Desk
from tests.fake_cluster import FakeCluster

ROOT = Path(__file__).parent.parent.parent
IMAGES = [
    f"registry.lab:5000/{name}" for name in ("hello:1.0", "redis:1.0", "haproxy:1.0", "web:1.0", "web:1.2")
]
LINES = [(verb, said, words) for verb, examples in EXAMPLES.items() for said, words in examples]
BEYOND = {
    "hosts trust": "needs connections",
    "ssh": "runs ssh",
    "cp": "needs connections",
    "exec": "needs connections",
    "logs": "needs connections",
    "events": "needs connections",
    "lock status": "needs connections",
    "lock release": "needs connections",
    "history": "needs connections",
    "show": "needs a run of that name",
    "resume": "needs a run that did not end",
    "abort": "needs a run that did not end",
    "fence status": "needs fence devices",
    "fence off": "needs fence devices",
    "fence on": "needs fence devices",
    "timer install": "changes this machine",
    "timer status": "asks this machine",
    "timer remove": "changes this machine",
    "lab up": "makes containers",
    "lab status": "asks docker",
    "lab down": "removes containers",
    "lab fault": "stops containers",
    "lab image": "asks docker",
    "lab host-image": "asks docker",
    "lab engine": "changes this machine",
}
"""Verbs that a cluster in memory cannot carry out, and why. Their examples are parsed."""
REFUSED = {
    "reboot all --per-zone --window 'Sat 02:00 3h UTC'": "window Sat 02:00 3h UTC: not open now",
    "update all --security": "its packages were not looked at",
    "update @front --reboot never --undo-after 5m": "its packages were not looked at",
    "failover --confirm-host-off db1 --reason 'is off'": "db1 answers (healthy): it is not off",
}
"""Examples that this cluster refuses once they are understood, as it should: nobody is off, it is not Saturday."""


def typed(words: str) -> list[str]:
    """Return the words of an example that the shell hands over."""
    lexer = shlex.shlex(words, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    found = list(lexer)
    return found[: next((at for at, word in enumerate(found) if word in {"|", ">"}), None)]


def all_verbs(command: Any, path: str = "") -> list[str]:
    """Return every verb as it is typed, those below a noun instead of it."""
    below = getattr(command, "commands", None)
    if below is None:
        return [path]
    return [verb for name, one in below.items() for verb in all_verbs(one, f"{path} {name}".strip())]


def parsed(words: list[str]) -> str:
    """Parse a line as the program does, without carrying it out; return its verb. Raises what the parser raises."""
    command: Any = typer.main.get_command(app)
    context, name = None, "clusterctl"
    while True:
        context = command.make_context(name, words, parent=context)
        if not hasattr(command, "commands"):
            return " ".join(context.command_path.split()[1:])
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])


def test_every_verb_has_one_to_four_examples_and_no_example_is_of_another_verb() -> None:
    verbs = all_verbs(typer.main.get_command(app))

    assert sorted(EXAMPLES) == sorted(["", *verbs])
    assert {verb for verb, examples in EXAMPLES.items() if not 1 <= len(examples) <= 4} == set()


@pytest.mark.parametrize(("verb", "words"), [(verb, words) for verb, _, words in LINES])
def test_an_example_is_what_the_command_line_takes(verb: str, words: str) -> None:
    found = parsed(typed(words))

    assert found == (verb or words.split(maxsplit=1)[0])


@pytest.mark.parametrize(("said", "words"), [(said, words) for _, said, words in LINES])
def test_an_example_stands_on_one_line_of_a_terminal(said: str, words: str) -> None:
    assert len(f"  # {said}") <= 80
    assert len(f"  clusterctl {words}") <= 80


@pytest.fixture
def shop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk with the repository's example inventory and playbooks, and two generations of the shop applied."""
    desk.write("inventory.yaml", (ROOT / "inventory.yaml").read_text())
    for name in ("shop", "hello", "rolling-reboot"):
        desk.write(f"{name}.yaml", (ROOT / f"playbooks/{name}.yaml").read_text())
    desk.write("production.yaml", "services: {web: {image: 'registry.lab:5000/web:${TAG:-1.0}'}}\n")
    monkeypatch.setenv("HOME", str(desk.folder))
    (desk.folder / ".ssh").mkdir()
    for name in ("ssh_config", ".ssh/config"):
        desk.write(name, "Host web1 web2\n  User ops\n")
    desk.write("notify.urls", "json://localhost\n")
    found = FakeCluster(
        parse_inventory((desk.folder / "inventory.yaml").read_bytes(), "inventory.yaml"), IMAGES
    )
    vars(desk.cluster).update(vars(found))
    assert desk.run("apply", "shop.yaml", "-f", "production.yaml", "--yes").code == 0
    assert desk.run("apply", "shop.yaml", "--yes").code == 0
    assert desk.run("plan", "shop.yaml", "-f", "production.yaml", "--out", "shop.plan").code == 0
    return desk


@pytest.mark.parametrize("words", [words for verb, _, words in LINES if not {verb, words} & BEYOND.keys()])
def test_an_example_is_carried_out_by_a_cluster_in_memory(shop: Desk, words: str) -> None:
    if words.startswith("init"):
        (shop.folder / "inventory.yaml").unlink()

    ran = shop.run(*typed(words), "--yes")

    refusal = REFUSED.get(words)
    if refusal:
        assert (ran.code, refusal in ran.err) == (4, True), ran.err
    else:
        assert (ran.code in {0, 1, 3}, "error:" in ran.err) == (True, False), ran.err
