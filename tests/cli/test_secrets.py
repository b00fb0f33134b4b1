"""Secrets and configs whose content is a variable: it reaches the hosts' files, and nothing that a person or a log shows."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Desk

PLAYBOOK = """\
name: shop
services:
  web:
    image: registry:5000/web:1
    environment: [TOKEN]
    secrets: [token]
secrets: {token: {environment: TOKEN}}
"""


def files_of(desk: Desk) -> dict[str, str]:
    """Return the files of units on all hosts, by name."""
    return {
        path.rpartition("/")[2]: text
        for host in desk.cluster.hosts.values()
        for path, text in host.unit_files.items()
    }


def test_a_secret_from_the_environment_reaches_its_file_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("shop.yaml", PLAYBOOK)
    monkeypatch.setenv("TOKEN", "s3cret-1")

    ran = [
        desk.run("validate", "shop.yaml", "--env", "TOKEN"),
        desk.run("plan", "shop.yaml", "--env", "TOKEN", "-o", "json"),
        desk.run("apply", "shop.yaml", "--env", "TOKEN", "--yes", "-o", "jsonl"),
    ]
    monkeypatch.setenv("TOKEN", "s3cret-2")
    ran += [
        desk.run("diff", "shop.yaml", "--env", "TOKEN"),
        desk.run("apply", "shop.yaml", "--env", "TOKEN", "--yes"),
        desk.run("history", "shop", "-o", "json"),
    ]

    said = "".join(one.out + one.err for one in ran)
    kept = "".join(path.read_text("utf-8", "replace") for path in desk.folder.rglob("*") if path.is_file())
    units = "".join(text for host in desk.cluster.hosts.values() for text in host.files.values())
    assert [one.code for one in ran] == [0, 0, 0, 0, 0, 0]
    assert "configs and secrets: ~secret token" in ran[4].out
    assert "s3cret" not in said
    assert "s3cret" not in kept
    assert "s3cret" not in units
    assert [text for name, text in files_of(desk).items() if name == "0.secret.token"] == ["s3cret-2"]


def test_a_secret_whose_variable_is_not_set_is_refused_and_no_value_is_asked_for_on_the_command_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("shop.yaml", PLAYBOOK)
    monkeypatch.setenv("TOKEN", "s3cret")

    ran = desk.run("plan", "shop.yaml", "--env", "TOKNE=x")

    reason = (
        'variable TOKEN is not set; did you mean "TOKNE"?; set it in .env, by --env-file, or give that of your '
        "environment by --env TOKEN"
    )
    assert ran.code == 2
    assert ran.err.splitlines() == [
        f"error: shop.yaml:5: services.web.environment[0]: {reason}",
        f"error: shop.yaml:7: secrets.token.environment: {reason}",
    ]


def test_a_variable_that_is_no_text_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("shop.yaml", PLAYBOOK)
    monkeypatch.setenv("TOKEN", "\udcff")

    ran = desk.run("plan", "shop.yaml", "--env", "TOKEN")

    assert (ran.code, ran.err) == (
        2,
        "error: --env TOKEN: the value is not UTF-8 text\nnext: write it as UTF-8.\n",
    )


def test_a_value_on_the_command_line_is_recorded_nowhere(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK)

    first = desk.run("apply", "shop.yaml", "--env", "TOKEN=s3cret", "--yes")
    second = desk.run("apply", "shop.yaml", "--yes", "--env=TOKEN=s3cret-2")

    kept = "".join(path.read_text("utf-8", "replace") for path in desk.folder.rglob("*") if path.is_file())
    assert (first.code, second.code) == (0, 0)
    assert "clusterctl apply shop.yaml --env 'TOKEN=***' --yes" in kept
    assert "clusterctl apply shop.yaml --yes '--env=TOKEN=***'" in kept
    assert "s3cret" not in kept
