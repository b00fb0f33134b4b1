"""Words and values reach the container byte for byte, through YAML, systemd, docker and no shell (bad-input rows 16, 17)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterctl import lab
from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.words.oracle import ask_docker, ask_systemd

WORDS = [
    ";",
    "\\",
    "",
    "$${X}",
    "$$HOME",
    "-@:+!x",
    "%n",
    "%%",
    "'single'",
    '"double"',
    "trailing\\",
    "two\nlines",
    "tab\there",
    "a  b",
    "*",
    "~",
    "`id`",
    "$$(id)",
    "# no comment",
    "&& false",
    "\u00e9\u4e16\U0001f600",
    "\x01\x1b[31m",
    "{{.ID}}",
    "}",
    "|",
    "[X-Clusterctl]",
]
VALUES = {
    "PLAIN": "x",
    "EMPTY": "",
    "SPACES": "  both ends  ",
    "QUOTES": "'\"'",
    "PERCENT": "%n %%",
    "DOLLAR": "$$X $${Y} $$(id)",
    "BACKSLASH": "a\\",
    "HASH": "# not a comment",
    "EQUALS": "a=b=c",
    "UNICODE": "\u00e9\u4e16\U0001f600",
    "CONTROL": "\x01\x1b[31m\t",
}


def test_words(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Argv and environment of the container's first process equal what the playbook says (`$$` is `$`)."""
    extra: dict[str, Any] = {"entrypoint": ["/bin/printargs"], "command": WORDS}
    playbook = write_playbook(tmp_path, project, web=service(port=8084, replicas=1, env=VALUES, **extra))

    fleet.apply(playbook)

    host = fleet.all_containers(f"{project}-")[f"{project}-web-1"]["host"]
    argv = [bytes.fromhex(line).decode() for line in fleet.get(host, 8084, "/args").split("\n")[:-1]]
    environment = dict(item.partition("=")[::2] for item in fleet.get(host, 8084, "/env").split("\0") if item)
    assert argv == [word.replace("$$", "$") for word in WORDS]
    assert {name: environment.get(name) for name in VALUES} == {
        name: value.replace("$$", "$") for name, value in VALUES.items()
    }
    assert "nothing to change" in fleet.apply(playbook).stdout


def test_a_thousand_hostile_words(fleet: LabFleet) -> None:
    """Caught: a quote, a backslash, `%`, `$` or a noncharacter not escaped, an env file read by a shell. Ten times as many: `make fuzz`."""
    host = lab.host_container(fleet.name, fleet.hosts[0])

    heard = [ask_systemd(host, 1000, seed=0), ask_docker(host, 1000, seed=1)]

    assert [each.lost for each in heard] == [[], []]
    assert [each.cases for each in heard] == [1000, 1000]


def test_secrets_stay_secret(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A value of the environment is in no argv, unit, journal line, plan or report (I9)."""
    canary = "canary-5f1d2c7e"
    playbook = write_playbook(tmp_path, project, web=service(replicas=1, env={"PASSWORD": canary}))
    since = fleet.clock()

    shown = [
        fleet.cli("plan", str(playbook)),
        fleet.apply(playbook),
        fleet.cli("plan", str(playbook), "-o", "json"),
    ]

    host = fleet.all_containers(f"{project}-")[f"{project}-web-1"]["host"]
    assert canary not in "".join(answer.stdout + answer.stderr for answer in shown)
    assert canary not in fleet.inside(host, "cat", f"/etc/systemd/system/clusterctl-{project}-web-1.service")
    assert canary not in fleet.inside(
        host, "journalctl", "-q", "--no-pager", "--since", since, "-o", "export"
    )
    assert canary not in fleet.inside(host, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    modes = fleet.inside(
        host,
        "sh",
        "-c",
        f"stat -c %a /etc/clusterctl/env/{project}-web-1.env /etc/clusterctl/projects/{project}.json",
    )
    assert modes.split() == ["600", "600"]
