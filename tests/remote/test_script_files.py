"""Configs, secrets and networks of units, by the script itself in a real shell."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.model.placement import Instance
from clusterctl.model.step import ApplyUnit, RemoveUnit, UnitFile
from clusterctl.planning.unit_header import file_digest
from tests.builders import PINNED
from tests.remote.shell_host import ShellHost

WEB = Instance("shop", "web", 1)
OLD, NEW = "a" * 16, "b" * 16
UNIT = "clusterctl-shop-web-1.service"


def unit_text(version: str, networks: str = "shop_default") -> str:
    return (
        f"[Service]\nExecStart=docker run source=/etc/clusterctl/files/shop-web-1/{version}/0.secret.token\n"
        f"Pinned={PINNED}\nNetworks={networks}\n"
    )


def applying(version: str, content: str, replaces: str = "") -> ApplyUnit:
    text = unit_text(version)
    file = UnitFile(
        f"/etc/clusterctl/files/shop-web-1/{version}/0.secret.token", content, 0o440, os.getuid(), os.getgid()
    )
    return ApplyUnit("h1", WEB, text, file_digest(text), "", replaces, 5, "changed", files=(file,))


def a_host(root: Path, networks: str = "") -> ShellHost:
    host = ShellHost(root)
    host.program(
        "systemctl",
        f'case "$*" in *ActiveState*) echo active ;; *FragmentPath*) echo {root}/units/{UNIT} ;; esac',
    )
    host.program(
        "docker",
        f"""case "$1 $2" in "network ls") printf '{networks}' ;; "network rm") echo "$3" >>{root}/removed ;; esac""",
    )
    return host


def test_a_secret_lies_below_a_folder_of_root_before_the_unit_does(tmp_path: Path) -> None:
    host = a_host(tmp_path)

    found = host.run(applying(OLD, "s3cret without an end"))

    path = tmp_path / "etc" / "files" / "shop-web-1" / OLD / "0.secret.token"
    assert found[0].status == "changed"
    assert path.read_text() == "s3cret without an end"
    assert path.stat().st_mode & 0o777 == 0o440
    assert (tmp_path / "etc" / "files").stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_is_no_argument_and_not_in_the_clear_in_a_script(tmp_path: Path) -> None:
    assert "s3cret" not in a_host(tmp_path).script(applying(OLD, "s3cret"))


def test_the_files_of_the_present_unit_and_the_one_before_stay(tmp_path: Path) -> None:
    host = a_host(tmp_path)
    oldest = "c" * 16
    host.run(applying(oldest, "1"))
    host.run(applying(OLD, "2", file_digest(unit_text(oldest))))

    host.run(applying(NEW, "3", file_digest(unit_text(OLD))))

    assert host.names("etc/files/shop-web-1") == [OLD, NEW]


def test_a_unit_that_is_put_back_has_its_files(tmp_path: Path) -> None:
    host = a_host(tmp_path)
    host.run(applying(OLD, "old"))
    host.program("systemctl", "exit 0")

    found = host.run(applying(NEW, "new", file_digest(unit_text(OLD))))

    assert found[0].status == "failed"
    assert host.read(f"units/{UNIT}") == unit_text(OLD)
    assert host.read(f"etc/files/shop-web-1/{OLD}/0.secret.token") == "old"


def test_a_secret_that_did_not_arrive_whole_starts_nothing(tmp_path: Path) -> None:
    host = a_host(tmp_path)
    host.program("base64", "printf half")

    found = host.run(applying(OLD, "whole"))

    assert (found[0].status, found[0].detail) == (
        "failed",
        "cannot write configs and secrets: 0.secret.token did not arrive whole",
    )
    assert not (tmp_path / "units" / UNIT).exists()


def test_an_instance_that_goes_takes_its_files_and_its_networks_with_it(tmp_path: Path) -> None:
    host = a_host(tmp_path, networks="shop_default\\nother_default\\n")
    host.write("units/clusterctl-other-web-1.service", "Networks=other_default\n")
    host.run(applying(OLD, "x"))

    found = host.run(RemoveUnit("h1", WEB, file_digest(unit_text(OLD)), 5, "gone"))

    assert found[0].status == "changed"
    assert host.names("etc/files") == []
    assert host.read("removed") == "shop_default\n"


def test_a_network_that_a_unit_names_stays_and_one_that_none_names_goes(tmp_path: Path) -> None:
    host = a_host(tmp_path, networks="shop_default\\nshop_default-1\\nshop\\n")

    host.run(applying(OLD, "x"))

    assert host.read("removed") == "shop_default-1\nshop\n"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        f"/etc/clusterctl/files/shop-web-2/{OLD}/0.secret.token",
        f"/etc/clusterctl/files/shop-web-1/{OLD}/../0.secret.token",
        f"/etc/clusterctl/files/shop-web-1/{OLD}/0.secret.$(id)",
    ],
)
def test_a_file_of_no_unit_never_enters_a_script(tmp_path: Path, path: str) -> None:
    step = replace(applying(OLD, "x"), files=(UnitFile(path, "x", 0o400, 0, 0),))

    with pytest.raises(ValueError, match=r"not (a file|fit)"):
        a_host(tmp_path).script(step)
