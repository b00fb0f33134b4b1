"""Which services' lines are not in the journal, as `logs` says it."""

from __future__ import annotations

import pytest

from clusterctl.cli import logs as logs_module
from clusterctl.cli.console import choose_form
from clusterctl.cli.logs import _Printer
from clusterctl.model.placement import Instance
from clusterctl.model.runtime import Logging, Runtime
from clusterctl.model.snapshot import Rung, Unreachable
from clusterctl.planning.container import docker_run
from clusterctl.planning.docker_options import log_driver_of
from clusterctl.planning.log_notes import log_notes
from clusterctl.planning.observed import observe_units
from clusterctl.planning.quoting import quote_line
from tests.builders import PINNED, a_service
from tests.cli.conftest import Desk

PLAYBOOK = """\
name: shop
services:
  web: {image: "registry:5000/web:1"}
  db: {image: "registry:5000/web:1", logging: {driver: json-file, options: {max-size: 10m}}, deploy: {replicas: 2}}
  job: {image: "registry:5000/web:1", logging: {driver: none}}
"""


def unit_text(driver: str, verb: str = "run", command: tuple[str, ...] | None = None) -> str:
    service = a_service(runtime=Runtime(logging=Logging(driver)), command=command)
    words = docker_run(service, PINNED, Instance("shop", "web", 1), "sha256:1", "/run/x.cid")
    return f"[Service]\nExecStart={quote_line([words[0], verb, *words[2:]])}\n"


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        (unit_text(""), "journald"),
        (unit_text("json-file"), "json-file"),
        (unit_text("local", "create"), "local"),
        (unit_text("", "run", ("--log-driver=none",)), "journald"),
        ("[Service]\nExecStart=/bin/true --log-driver=none\n", "journald"),
        ("", "journald"),
    ],
)
def test_the_driver_is_read_from_the_unit(text: str, driver: str) -> None:
    assert log_driver_of(text) == driver


def test_services_whose_lines_are_elsewhere_are_named_with_where_to_look(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK)
    desk.run("apply", "shop.yaml", "--yes")

    notes = log_notes(observe_units(desk.cluster.see(), "test"))

    lacks = "here is only what systemd and docker say of its units"
    assert notes == [
        (
            f"shop/db: its lines go to the logging driver json-file, not to the journal; {lacks}: "
            "clusterctl exec h1 --sudo -- docker logs shop-db-1"
        ),
        f"shop/job: its lines are kept nowhere (logging driver none); {lacks}",
    ]


def test_of_a_host_without_end_only_so_much_is_held(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choose_form("table", "never")
    monkeypatch.setattr(logs_module, "HELD_BYTES", 1000)
    printer = _Printer(["web"], as_json=False)
    printer.hold = True
    entry = b'{"__REALTIME_TIMESTAMP":"1800000000000000","CONTAINER_NAME":"web","MESSAGE":"x"}\n'

    printer.feed("h1")(entry * 1000)
    printer.feed("h2")(entry)
    printer.release()

    assert capsys.readouterr().out == "web | x\n" * 5
    assert printer.cut == {"h1"}


@pytest.mark.parametrize(("rung", "code"), [("connect", 1), ("auth", 6)])
def test_lines_that_a_silent_host_may_have_are_missing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, rung: Rung, code: int
) -> None:
    monkeypatch.setattr(logs_module, "_stream", lambda *_, **__: 0)
    desk.run("apply", "shop.yaml", "--yes")
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", rung, "no", next_step="go there")

    some, none = desk.run("logs", "shop"), desk.run("logs", "shop-web-2")

    lacks = f"h2: {rung}: no; its logs are missing here\n"
    assert (some.code, some.err) == (code, f"{lacks}next: h2: go there\n")
    assert (none.code, none.err) == (
        code,
        (
            f"{lacks}error: nothing named shop-web-2 runs on the hosts that answer\n"
            "next: clusterctl ps shows what does.\nnext: h2: go there\n"
        ),
    )


def test_following_ends_with_ctrl_c_without_a_word(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    desk.run("apply", "shop.yaml", "--yes")
    monkeypatch.setattr(desk.cluster, "run", interrupted, raising=False)

    ran = desk.run("logs", "shop", "-f")

    assert (ran.code, ran.out, ran.err) == (130, "", "")
