"""Texts of units, whole, in tests/units. CLUSTERCTL_WRITE_UNITS=1 writes them anew; then read the diff."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.errors import InputError
from clusterctl.model.network import Network, NetworkUse
from clusterctl.model.service import (
    File,
    HealthCheck,
    Mount,
    Port,
    Resources,
    RestartPolicy,
    Service,
    ServiceHook,
)
from clusterctl.planning import unit as unit_module
from clusterctl.planning.gate import gate_seconds
from clusterctl.planning.networks import own_networks
from clusterctl.planning.room import port_keys, writable_volumes
from clusterctl.planning.spec import spec_digest
from clusterctl.planning.unit import render_unit
from clusterctl.planning.unit_header import Header, file_digest, is_intact, parse_header
from tests.builders import GIB, MIB, PINNED, a_service
from tests.planning.exec_line import read_exec_line

UNITS = Path(__file__).parents[1] / "units"
PLAIN = a_service()
FULL = a_service(
    command=("serve", '--greeting=50% off; say "hi" to $USER', "", ";"),
    entrypoint=("/bin/app", "-v"),
    environment={"TOKEN": "s3cret"},
    ports=(Port(80, 8080), Port(53, 53, "udp", "127.0.0.1"), Port(443, 8443, "tcp", "::1"), Port(9000)),
    mounts=(Mount("volume", "data", "/data"), Mount("bind", "/srv/a,b", "/srv", read_only=True)),
    healthcheck=HealthCheck(("CMD", "curl", "-f", "http://localhost/a b"), 5, 2.5, 4, 10),
    labels={"team": "shop floor", "io.clusterctl.spec": "a lie"},
    user="1000:1000",
    init=True,
    tmpfs=("/tmp", "/run:size=1m"),
    read_only=True,
    cap_add=("NET_BIND_SERVICE",),
    cap_drop=("ALL",),
    stop_signal="SIGINT",
    stop_grace_period_s=20.0,
    limits=Resources(0.5, 256 * MIB),
    reservations=Resources(0.25, 128 * MIB),
    restart=RestartPolicy("on-failure", 7, 5, 120),
)
SHELL = a_service(healthcheck=HealthCheck(("CMD-SHELL", "wget -qO- localhost || exit 1")), entrypoint=())
UNCHECKED = a_service(healthcheck=HealthCheck(("NONE",)), restart=RestartPolicy("none", 1))
JOINED = a_service(
    networks=(
        NetworkUse(Network("front", options=(("com.docker.network.driver.mtu", "1400"),)), ("www", "shop")),
        NetworkUse(
            Network("back", internal=True, pools=(("172.28.0.0/16", "172.28.0.1", ""),)), (), "172.28.0.9"
        ),
        NetworkUse(Network("old", external=True)),
    ),
    files=(
        File("secret", "token", "/run/secrets/token", "s3cret"),
        File("config", "web", "/etc/web.conf", "a"),
    ),
)
HOOKED = a_service(
    post_start=(ServiceHook(("sh", "-c", "echo $HOME 'a b' 50%"), "1000:33", "/srv"), ServiceHook(("true",))),
    pre_stop=(ServiceHook(("drain", "--now"), privileged=True),),
    stop_grace_period_s=20.0,
)
CASES = {
    "hooked": HOOKED,
    "plain": PLAIN,
    "full": FULL,
    "shell": SHELL,
    "unchecked": UNCHECKED,
    "joined": JOINED,
}


def header_of(service: Service) -> Header:
    return Header(
        cluster="test",
        project="shop",
        service=service.name,
        slot=2,
        generation=7,
        spec=spec_digest("shop", service, PINNED),
        image=service.image,
        pinned=PINNED,
        host_ports=port_keys(service),
        cpus=service.reservations.cpus or 0.0,
        memory_bytes=service.reservations.memory_bytes or 0,
        volumes=writable_volumes(service),
        stop_s=service.stop_s,
        networks=own_networks(service, "shop"),
    )


def argv_of(text: str) -> list[str]:
    return read_exec_line(next(line for line in text.splitlines() if line.startswith("ExecStart="))[10:])


@pytest.mark.parametrize("name", CASES)
def test_a_unit_is_as_its_file_says(name: str) -> None:
    text = render_unit(CASES[name], header_of(CASES[name]))
    file = UNITS / f"{name}.service"

    if os.environ.get("CLUSTERCTL_WRITE_UNITS"):
        file.write_text(text)

    assert text == file.read_text()


@pytest.mark.parametrize("name", CASES)
def test_every_exec_line_can_be_read_by_systemd(name: str) -> None:
    text = render_unit(CASES[name], header_of(CASES[name]))
    lines = [line for line in text.splitlines() if line.startswith("Exec")]

    programs = [read_exec_line(line.partition("=")[2].removeprefix("-"))[0] for line in lines]

    run = ["/usr/bin/docker"] if name != "joined" else ["/usr/bin/docker", "/bin/sh", "/bin/sh"]
    hooks = ["/bin/sh"] if name == "hooked" else []
    assert programs == [
        "/usr/bin/systemctl",
        "/bin/sh",
        "/bin/sh",
        *run,
        *hooks,
        "/bin/sh",
        "/bin/sh",
        "/bin/sh",
    ]


def test_the_container_gets_the_very_command() -> None:
    argv = argv_of(render_unit(FULL, header_of(FULL)))

    start = argv.index(PINNED)
    assert argv[start - 1] == "--entrypoint=/bin/app"
    assert argv[start + 1 :] == ["-v", "serve", '--greeting=50% off; say "hi" to $USER', "", ";"]


def test_no_label_of_a_playbook_stands_for_one_of_ours() -> None:
    argv = argv_of(render_unit(FULL, header_of(FULL)))

    assert [word for word in argv if word.startswith("--label=io.clusterctl.spec")] == [
        f"--label=io.clusterctl.spec={header_of(FULL).spec}"
    ]


def test_no_value_of_the_environment_is_in_a_unit() -> None:
    assert "s3cret" not in render_unit(FULL, header_of(FULL))
    assert "s3cret" not in render_unit(JOINED, header_of(JOINED))


def test_a_mount_with_a_comma_stays_one_mount() -> None:
    argv = argv_of(render_unit(FULL, header_of(FULL)))

    assert '--mount=type=bind,"source=/srv/a,b",target=/srv,readonly' in argv


@pytest.mark.parametrize("name", CASES)
def test_the_header_is_read_back(name: str) -> None:
    header = header_of(CASES[name])

    assert parse_header(render_unit(CASES[name], header)) == header


def test_a_unit_without_our_header_is_foreign() -> None:
    text = render_unit(PLAIN, header_of(PLAIN))

    assert parse_header("[Service]\nExecStart=/bin/true\n") is None
    assert parse_header(text.replace("Slot=2", "Slot=two")) is None
    assert parse_header(text.replace("Spec=", "Spek=")) is None
    assert parse_header(text.replace("Slot=2", "Slot=" + "9" * 5000)) is None


def test_a_unit_cut_anywhere_is_not_intact() -> None:
    """Caught: `is_intact` that only looks for a digest line."""
    text = render_unit(FULL, header_of(FULL))

    assert is_intact(text)
    assert not [end for end in range(len(text) - 1) if is_intact(text[:end])]


def test_a_unit_changed_anywhere_is_not_intact() -> None:
    text = render_unit(PLAIN, header_of(PLAIN))

    assert not is_intact(text.replace("Restart=always", "Restart=no"))
    assert not is_intact(text + "Restart=no\n")


def test_the_largest_unit_that_a_look_reads_whole_is_written_and_a_larger_one_refused() -> None:
    script = (Path(unit_module.__file__).parents[1] / "remote/shell/observe.sh").read_text("ascii")
    small = a_service(command=("",))
    room = 65_536 - len(render_unit(small, header_of(small)).encode()) + 1  # "" takes two quotes, a word none

    largest = a_service(command=("x" * (room + 1),))
    larger = a_service(command=("x" * (room + 2),))

    assert len(render_unit(largest, header_of(largest)).encode()) == 65_536
    assert "files unit 65536 /etc/systemd/system/clusterctl-*.service" in script
    with pytest.raises(InputError) as caught:
        render_unit(larger, header_of(larger))
    assert str(caught.value) == "the unit of shop-web-2 would be larger than 64 KiB"
    assert caught.value.details == (
        "command, entrypoint, labels and healthcheck stand in it; hosts tell no more of a unit",
    )
    assert caught.value.next_step == (
        "put long texts into a file that is mounted, or into the environment. Nothing was changed."
    )


def test_the_digest_of_a_file_is_what_sha256sum_prints() -> None:
    assert file_digest("abc\n") == "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb"


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        (None, 120),
        (HealthCheck(("NONE",)), 30),
        (HealthCheck(("CMD", "true")), 3 * (30 + 30) + 30),
        (HealthCheck(("CMD", "true"), 1, 2, 5, 0), 5 * 3 + 30),
        (HealthCheck(("CMD", "true"), 0.5, 0.25, 3, 60.5), 62 + 30),
    ],
)
def test_the_gate_leaves_a_container_its_own_time_and_some_more(
    check: HealthCheck | None, seconds: int
) -> None:
    assert gate_seconds(check) == seconds


def test_systemd_waits_longer_than_the_gate() -> None:
    text = render_unit(FULL, header_of(FULL))

    gate_s = gate_seconds(FULL.healthcheck)
    assert f"TimeoutStartSec={gate_s + 15}" in text
    assert f"end=$(($(now)+{gate_s}))" in text.replace("$$", "$")


@pytest.mark.parametrize(
    ("restart", "lines"),
    [
        (RestartPolicy(), ["Restart=always", "RestartSec=5", "StartLimitBurst=0", "StartLimitIntervalSec=0"]),
        (RestartPolicy("none", 0.5), ["Restart=no", "RestartSec=5"]),
        (
            RestartPolicy("on-failure", 7.5, 3, 90),
            ["Restart=on-failure", "RestartSec=7.5", "StartLimitBurst=3", "StartLimitIntervalSec=90"],
        ),
        (RestartPolicy("any", 5, 3), ["StartLimitBurst=3", "StartLimitIntervalSec=3600"]),
    ],
)
def test_a_restart_policy_becomes_systemds(restart: RestartPolicy, lines: list[str]) -> None:
    text = render_unit(replace(PLAIN, restart=restart), header_of(PLAIN)).splitlines()

    assert [line for line in lines if line not in text] == []


def test_large_memory_is_written_in_full() -> None:
    service = a_service(memory_mb=3 * 1024, limits=Resources(None, 3 * GIB))

    text = render_unit(service, header_of(service))

    assert "--memory=3221225472b" in text
    assert "Memory=3221225472\n" in text


def test_a_singleton_starts_only_with_leave_and_its_header_says_that_it_is_one() -> None:
    """The file is in /run, which a boot empties (file-hierarchy(7)); systemd.unit(5), ConditionPathExists=."""
    header = replace(header_of(PLAIN), singleton=True)
    text = render_unit(replace(PLAIN, singleton=True), header)

    assert (
        f"ConditionPathExists=/run/clusterctl-{header.instance.name}.permit\n"
        in text.partition("[Service]")[0]
    )
    assert parse_header(text) == header
