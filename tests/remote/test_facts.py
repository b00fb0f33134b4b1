"""Looks as real hosts answered them: `looks/CASE/answer.txt` is the raw stdout, `expected.json` its facts.

A bug report's paste becomes a case: put it there with the nonce replaced by 32 times "a", run
`python -m tests.remote.test_facts` to write the expected facts, and read them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterctl.errors import InputError
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import (
    ContainerFact,
    HostFacts,
    LookRequest,
    PortUse,
    Resolved,
    Unreachable,
)
from clusterctl.remote.facts import build_look, images_to_ask, mark_duplicates, parse_look
from clusterctl.remote.frame import parse_frame

NONCE = "a" * 32
LOOKS = Path(__file__).parent / "looks"
CASES = sorted(path.name for path in LOOKS.iterdir())
WHOLE = (LOOKS / "debian-12" / "answer.txt").read_bytes()


def look(stdout: bytes, stderr: bytes = b"", code: int = 0) -> HostFacts | Unreachable:
    return parse_look("h1", "10.0.0.1", CommandResult("h1", code, stdout, stderr), NONCE)


SICK = (
    b'{"id":"' + b"1" * 64 + b'","name":"/x","image":"busybox","image_id":"sha256:' + b"2" * 64 + b'",'
    b'"state":"running","health":"unhealthy","started_at":"","labels":null,"checks":[CHECKS],"bindings":null,"ports":{}}\n'
)


def facts(stdout: bytes) -> HostFacts:
    found = look(stdout)
    assert isinstance(found, HostFacts), found
    return found


def reason(stdout: bytes) -> str:
    found = look(stdout)
    assert isinstance(found, Unreachable)
    assert found.rung == "answer"
    return found.reason


def with_section(name: str, body: bytes, code: int = 0) -> bytes:
    """Return the whole look with one section's body replaced."""
    start = WHOLE.index(f"\n{NONCE} section {name}\n".encode())
    end = WHOLE.index(f"\n{NONCE} end-section ".encode(), start)
    rest = WHOLE.index(b"\n", end + 1) + 1
    new = f"\n{NONCE} section {name}\n".encode() + body + f"\n{NONCE} end-section {code}\n".encode()
    return WHOLE[:start] + new + WHOLE[rest:]


@pytest.mark.parametrize("case", CASES)
def test_a_real_answer_gives_its_facts(case: str) -> None:
    found = facts((LOOKS / case / "answer.txt").read_bytes())

    assert json.loads(json.dumps(asdict(found))) == json.loads((LOOKS / case / "expected.json").read_text())


def test_the_texts_of_our_files_are_whole() -> None:
    found = facts(WHOLE)

    frame = parse_frame(WHOLE, NONCE)
    assert [unit.name for unit in found.units] == ["clusterctl-hello-web-2.service"]
    assert found.units[0].text == frame.sections["unit:clusterctl-hello-web-2.service"].text
    assert found.units[0].text.endswith("\n")
    assert found.units[0].active == "active"
    assert json.loads(found.manifests["hello"])
    assert found.cluster == "lab-dev"


def test_a_running_container_has_the_ports_it_got_and_another_those_it_wants() -> None:
    found = facts(WHOLE).containers

    assert found is not None
    assert {container.name: (container.state, container.ports) for container in found} == {
        "hello-web-2": ("running", (PortUse(8080, "tcp", "0.0.0.0"),)),
        "tt": ("exited", (PortUse(8080, "tcp", ""),)),
    }


def test_docker_that_is_stopped_is_unknown_and_not_empty() -> None:
    found = facts((LOOKS / "debian-12-docker-stopped" / "answer.txt").read_bytes())

    assert found.docker_error == (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    )
    assert (found.containers, found.images, found.volumes) == (None, None, None)
    assert not found.docker_answers
    assert found.resolved == {
        "registry.lab:5000/x:1": Resolved(error="docker does not answer, so the registry was not asked")
    }


def test_docker_that_hangs_is_unknown_and_says_how_long_it_was_asked() -> None:
    found = facts((LOOKS / "debian-12-docker-frozen" / "answer.txt").read_bytes())

    assert found.docker_error == "docker did not answer within 20 s"
    assert found.containers is None
    assert found.systemd_state == "running"


def test_containers_that_docker_lists_while_its_info_hangs_are_unknown() -> None:
    found = facts(with_section("info", b"", 124))

    assert found.docker_error == "docker info did not answer within 20 s: dockerd or containerd hangs"
    assert found.containers is None
    assert not found.docker_answers


def test_docker_that_is_not_there_is_said_to_be_missing() -> None:
    found = facts(with_section("containers", b"", 127))

    assert found.docker_error == "docker is not installed"


def test_systemd_that_does_not_answer_leaves_states_unknown() -> None:
    found = facts((LOOKS / "debian-12-systemd-frozen" / "answer.txt").read_bytes())

    assert found.systemd_state == "unknown"


def test_units_without_an_answer_of_systemd_are_unknown_and_not_stopped() -> None:
    found = facts(with_section("units", b"", 124)).units[0]

    assert (found.load, found.active, found.sub, found.since_s) == ("unknown", "unknown", "unknown", None)


def test_a_systemd_without_unix_timestamps_gives_the_same_moment() -> None:
    body = (
        b"Id=clusterctl-hello-web-2.service\nActiveState=active\nNRestarts=3\nNeedDaemonReload=yes\n"
        b"ActiveEnterTimestamp=Sun 2026-11-22 20:07:52 UTC\nActiveEnterTimestampMonotonic=2740000000\n"
        b"StateChangeTimestamp=n/a\nDropInPaths=/etc/a.conf /etc/b.conf\n"
    )

    answer = with_section("units", body).replace(b"\nbtime ", b"\nbtime 1795375329\nold ")
    found = facts(answer).units[0]

    assert found.since_s == 1795375329 + 2740
    assert (found.restarts, found.need_reload) == (3, True)
    assert found.drop_ins == ("/etc/a.conf", "/etc/b.conf")


def test_a_unit_that_is_not_active_counts_from_its_last_change() -> None:
    body = (
        b"Id=clusterctl-hello-web-2.service\nActiveState=failed\nResult=exit-code\n"
        b"ActiveEnterTimestamp=@100\nStateChangeTimestamp=@200\n"
    )

    found = facts(with_section("units", body)).units[0]

    assert (found.active, found.result, found.since_s) == ("failed", "exit-code", 200)


def test_a_change_that_is_under_way_is_a_marker() -> None:
    found = facts((LOOKS / "debian-12-busy" / "answer.txt").read_bytes())

    assert found.markers == {"busy": "me on laptop since 12:00"}


def test_markers_are_whole() -> None:
    extra = f"\n{NONCE} section marker:cordoned\nby=ops\nrun=r1\n\n{NONCE} end-section 0\n".encode()
    answer = WHOLE.replace(f"\n{NONCE} end 0\n".encode(), extra + f"\n{NONCE} end 0\n".encode())

    assert facts(answer).markers == {"cordoned": "by=ops\nrun=r1"}


def test_ports_come_from_proc_where_ss_is_missing() -> None:
    body = (
        b"proc tcp 0100007F:1F90\nproc tcp6 00000000000000000000000000000000:0016\nproc udp 00000000:0035\n"
    )

    assert facts(with_section("listen", body)).ports == (
        PortUse(22, "tcp", "::"),
        PortUse(53, "udp", "0.0.0.0"),
        PortUse(8080, "tcp", "127.0.0.1"),
    )


def test_ports_of_ss_with_scopes_and_stars() -> None:
    body = (
        b"udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\nudp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*\n"
        b"tcp LISTEN 0 4096 *:80 *:*\n"
    )

    assert facts(with_section("listen", body)).ports == (
        PortUse(53, "udp", "127.0.0.53"),
        PortUse(80, "tcp", ""),
        PortUse(546, "udp", "fe80::1"),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"\ncpus ", b"\ncpus -", "cpus is"),
        (b"\nMemTotal: ", b"\nMemTotal: -", "MemTotal: is"),
        (b"\nboot_id ", b"\nboot_id ../../etc/", "boot_id is '../../etc/"),
        (b"\nload ", b"\nload nan", "load is"),
        (b"\nload ", b"\nload 1e309 ", "load is '1e309'"),
        (b"\nclock ", b"\nclock 9999999999999999999", "clock is"),
        (b'"id":"', b'"id":"$(reboot)', "id of docker is"),
        (b'"name":"/', b'"name":"/../', "name of docker is"),
        (b'"labels":{"io.', b'"labels":{"a":1,"io.', "labels of docker"),
        (b'"state":"running"', b'"state":17', "state of docker is '17'"),
        (b'"state":"running"', b'"state":NaN', "JSON with NaN"),
        (b'{"id":', b"[" * 100_000, "not JSON"),
        (b'{"id":', b'{"x":"' + b"x" * 2_000_000 + b'","id":', "in one line"),
        (b'"Repository":"', b'"Repository":["', "not JSON"),
        (b"tcp LISTEN", b"tcp SHOUT", None),
        (b":22 ", b":99999 ", "a port is '99999'"),
        (b" section disk\n", b" section other\n", "section disk is missing"),
    ],
)
def test_an_answer_that_cannot_be_true_makes_the_host_unknown(
    old: bytes, new: bytes, said: str | None
) -> None:
    assert old in WHOLE

    answer = WHOLE.replace(old, new, 1)

    if said is None:
        facts(answer)
    else:
        assert reason(answer).startswith("the answer cannot be true: ")
        assert said in reason(answer)


def test_too_many_containers_make_the_host_unknown() -> None:
    assert "20001 items" in reason(with_section("containers", b"{}\n" * 20_001))


def test_a_container_that_vanished_during_the_look_is_left_out() -> None:
    body = parse_frame(WHOLE, NONCE).sections["containers"].body
    error = f"\n{NONCE} section containers.error\nError: No such container: abc\n\n{NONCE} end-section 0\n"
    answer = with_section("containers", body, 123)
    answer = answer.replace(
        f"\n{NONCE} section images\n".encode(), f"{error}\n{NONCE} section images\n".encode()
    )

    found = facts(answer)

    assert found.docker_error == ""
    assert found.containers is not None
    assert len(found.containers) == 2


def test_a_container_without_labels_and_ports_is_read() -> None:
    line = (
        b'{"id":"' + b"1" * 64 + b'","name":"/x","image":"busybox","image_id":"sha256:' + b"2" * 64 + b'",'
        b'"state":"running","health":"","started_at":"","labels":null,"bindings":null,'
        b'"ports":{"80/tcp":null,"81/udp":[{"HostIp":"::","HostPort":"81"}]}}\n'
    )

    assert facts(with_section("containers", line)).containers == (
        ContainerFact(
            "1" * 64, "x", "busybox", "sha256:" + "2" * 64, "running", ports=(PortUse(81, "udp", "::"),)
        ),
    )


@pytest.mark.parametrize(
    ("checks", "check"),
    [
        ("null", ""),
        (
            '{"exit":0,"said":"fine"},{"exit":127,"said":"sh: curl:\\n not found\\n"},null',
            "exit 127: sh: curl: not found",
        ),
        ('{"exit":-1,"said":""},null', "exit -1"),
        ('{"exit":1,"said":"\\u001b[31mred"},null', r"exit 1: \x1b[31mred"),
        (f'{{"exit":1,"said":"{"x" * 300}"}},null', f"exit 1: {'x' * 199}…"),
    ],
)
def test_the_last_health_check_of_an_unhealthy_container_is_told(checks: str, check: str) -> None:
    line = SICK.replace(b"CHECKS", checks.encode())

    (container,) = facts(with_section("containers", line)).containers or ()

    assert container.check == check


@pytest.mark.parametrize("checks", ['{"exit":"1","said":""}', '{"exit":1}', "7", '{"exit":true,"said":""}'])
def test_health_checks_that_are_none_are_no_answer(checks: str) -> None:
    assert reason(with_section("containers", SICK.replace(b"CHECKS", checks.encode()))).startswith(
        "the answer cannot be true: health checks of docker are "
    )


@pytest.mark.parametrize(
    ("body", "code", "resolved"),
    [
        (
            b'{"Descriptor":{"digest":"sha256:' + b"3" * 64 + b'"}}\n200\n',
            0,
            Resolved(digest="sha256:" + "3" * 64),
        ),
        (
            b'{"Descriptor":{"digest":"sha256:; reboot"}}\n200\n',
            0,
            Resolved(error="the engine answers HTTP 200"),
        ),
        (b'{"message":"manifest unknown"}\n404\n', 0, Resolved(error="manifest unknown")),
        (b'{"message":"\x1b[31mred"}\n500\n', 0, Resolved(error="the engine answers HTTP 500")),
        (b'{"message":"\\u001b[31mred"}\n500\n', 0, Resolved(error=r"\x1b[31mred")),
        (b"", 0, Resolved(error="the engine answers nothing")),
        (b"", 28, Resolved(error="the registry did not answer within 10 s")),
        (b"", 124, Resolved(error="the registry did not answer within 10 s")),
        (b"", 127, Resolved(error="cannot ask the registry: curl is missing")),
        (b"", 7, Resolved(error="docker does not answer, so the registry was not asked")),
        (b"", 56, Resolved(error="curl ended with 56")),
    ],
)
def test_what_the_registry_says_of_an_image(body: bytes, code: int, resolved: Resolved) -> None:
    found = facts(with_section("resolve:registry.lab:5000/hello:1.0", body, code))

    assert found.resolved["registry.lab:5000/hello:1.0"] == resolved


def test_only_references_without_a_digest_are_asked_and_each_once() -> None:
    pinned = "registry:5000/a/b@sha256:" + "0" * 64

    assert images_to_ask(LookRequest(("nginx", "nginx", "r.example/x_y/z:1.0-2", pinned))) == (
        "nginx",
        "r.example/x_y/z:1.0-2",
    )


@pytest.mark.parametrize(
    "image", ["", "a b", "a;reboot", "$(reboot)", "a'b", "-x", "a:b:c", "../x", "UPPER", "a\nb", "a//b"]
)
def test_what_is_no_image_reference_is_refused(image: str) -> None:
    with pytest.raises(InputError, match="is not an image reference"):
        build_look(LookRequest((image,)), NONCE)


def test_the_script_of_a_look_holds_the_request_first_and_does_all_in_its_last_line() -> None:
    script = build_look(LookRequest(("nginx:1", "x"), settle_s=7), NONCE)

    assert script.startswith(
        f"NONCE={NONCE}\nSETTLE_S=7\nIMAGES='nginx:1\nx'\nHISTORY=0\nRUN=''\nCLAIM=0\nCLUSTER=''\nPACKAGES=0\nframe() {{ printf"
    )
    assert script.endswith("\nmain </dev/null\n")


def test_two_names_of_one_machine_are_both_refused() -> None:
    one = facts(WHOLE)
    answers: dict[str, HostFacts | Unreachable] = {
        "a": one,
        "b": replace(one, host="b"),
        "c": replace(one, machine_id="0" * 32),
        "d": Unreachable("d", "auth", ""),
    }

    marked = mark_duplicates(answers)

    said = (
        f"a and b are one machine (machine-id {one.machine_id}); nothing is done there: name it once, or leave out "
        "the one that lies with --ignore-host"
    )
    assert marked == {
        "a": Unreachable("a", "identity", said),
        "b": Unreachable("b", "identity", said),
        "c": answers["c"],
        "d": answers["d"],
    }
    assert mark_duplicates({"a": one}) == {"a": one}  # b is left out with --ignore-host


@settings(max_examples=max(200, settings().max_examples), deadline=None)
@given(st.data())
def test_no_damage_to_an_answer_ever_raises(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WHOLE)))
    end = data.draw(st.integers(start, min(len(WHOLE), start + 40)))
    answer = WHOLE[:start] + data.draw(st.binary(max_size=40)) + WHOLE[end:]

    assert isinstance(look(answer), HostFacts | Unreachable)


def _write_expected() -> None:
    for case in CASES:
        found = asdict(facts((LOOKS / case / "answer.txt").read_bytes()))
        (LOOKS / case / "expected.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    _write_expected()
