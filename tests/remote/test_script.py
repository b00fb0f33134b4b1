"""One host's steps as one script, and its answer as results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from clusterctl.model.placement import Instance
from clusterctl.model.report import CommandResult
from clusterctl.model.step import ApplyUnit, PullImage, RemoveManifest, RemoveUnit, Step, WriteManifest
from clusterctl.planning.unit_header import file_digest
from clusterctl.remote.script import build_script, parse_results
from tests.remote.shell_host import NONCE, ShellHost

IMAGE = "registry:5000/shop/web@sha256:" + "1" * 64
HEX = "a" * 64
WEB = Instance("shop", "web", 1)
TEXT = f"[Unit]\nDescription=x\n[X-Clusterctl]\nPinned={IMAGE}\n"
PULL = PullImage("h1", IMAGE, "not there")
APPLY = ApplyUnit("h1", WEB, TEXT, file_digest(TEXT), "KEY=value\n", "", 60, "new")
REMOVE = RemoveUnit("h1", WEB, HEX, 40, "gone")
WRITE = WriteManifest("h1", "shop", 1, '{"a":1}\n', HEX, "generation 1")
FORGET = RemoveManifest("h1", "shop", "deleted")
HERE = Path(__file__).parent


def script_of(*steps: Step, cluster: str = "test", holder: str = "apply by dev") -> str:
    return build_script(steps, NONCE, cluster, holder, 0).text


def payload_of(*steps: Step) -> str:
    return script_of(*steps).partition("payload() {\n")[2].rpartition("\n}\n")[0]


# --- composing -----------------------------------------------------------------------------------


def test_each_step_becomes_one_call() -> None:
    assert payload_of(PULL, REMOVE, WRITE, FORGET).splitlines() == [
        f"pull 0 {IMAGE}",
        f"drop 1 shop-web-1 {HEX} 40",
        f"manifest 2 shop 1 <<'0END-{NONCE}'",
        '{"a":1}',
        f"0END-{NONCE}",
        "manifest 3 shop 0 </dev/null",
    ]


def test_a_unit_and_its_environment_come_as_here_documents() -> None:
    assert payload_of(APPLY) == (
        f"unit 0 shop-web-1 replace - {APPLY.unit_digest} 60 0 {IMAGE} <<'0END-{NONCE}'\n{TEXT}0END-{NONCE}\n"
        f"environment shop-web-1 <<'0END-{NONCE}'\nKEY=value\n0END-{NONCE}\n"
        "units"
    )


def test_a_conditional_unit_names_what_it_replaces() -> None:
    assert payload_of(replace(APPLY, replaces=HEX, action="restart")).startswith(
        f"unit 0 shop-web-1 restart {HEX} {APPLY.unit_digest} 60 0 "
    )


def test_the_journal_of_the_host_tells_a_first_unit_from_a_new_one() -> None:
    script = script_of(APPLY, replace(APPLY, replaces=HEX), replace(APPLY, replaces=HEX, action="restart"))

    told = [line for line in script.splitlines() if "printf '%s' " in line and line.endswith(";;")]
    assert told == [
        "0) printf '%s' 'create shop-web-1' ;;",
        "1) printf '%s' 'replace shop-web-1' ;;",
        "2) printf '%s' 'restart shop-web-1' ;;",
    ]


def test_the_last_line_calls_main_so_that_a_cut_script_does_nothing() -> None:
    text = script_of(APPLY, PULL)

    assert text.endswith("\n}\nmain </dev/null\n")
    assert [line for line in text.splitlines() if line.startswith("main ")] == ["main </dev/null"]


@pytest.mark.parametrize(
    "name", ["a;reboot", "$(reboot)", "`id`", "a b", "../etc", "-rf", "", "a\nb", "a'b", "a" * 300, "ä"]
)
def test_a_name_with_a_shell_mark_never_enters_a_script(name: str) -> None:
    """Caught: `_checked` left out of any of these."""
    steps: list[Step] = [
        replace(APPLY, instance=Instance(name, "web", 1)),
        replace(REMOVE, instance=Instance(name, "web", 1)),
        replace(WRITE, project=name),
        replace(FORGET, project=name),
    ]
    if name and len(name) < 200:
        steps.append(replace(APPLY, instance=Instance("shop", f"{name}!", 1)))

    for step in steps:
        if name == "" and isinstance(step, ApplyUnit | RemoveUnit):
            continue
        with pytest.raises(ValueError, match="not fit for a script"):
            script_of(step)


@pytest.mark.parametrize(
    "step",
    [
        replace(PULL, image="registry:5000/web:1"),
        replace(PULL, image=IMAGE + ";reboot"),
        replace(PULL, image="-v" + IMAGE),
        replace(APPLY, unit_digest="x"),
        replace(APPLY, replaces=HEX + ";id"),
        replace(APPLY, unit_text="[Unit]\n"),
        replace(APPLY, unit_text=f"[Unit]\nPinned={IMAGE} ;reboot\n"),
        replace(REMOVE, replaces=""),
    ],
    ids=lambda step: type(step).__name__,
)
def test_an_image_or_digest_that_is_none_never_enters_a_script(step: Step) -> None:
    with pytest.raises(ValueError, match="not fit for a script"):
        script_of(step)


def test_the_cluster_is_checked_and_the_holder_is_quoted() -> None:
    with pytest.raises(ValueError, match="not fit for a script"):
        script_of(PULL, cluster="test; reboot")

    assert "HOLDER='apply $(id) '\"'\"'x'\"'\"' by dev'\n" in script_of(
        PULL, holder="apply $(id) 'x'\nby dev"
    )


@pytest.mark.parametrize("text", ["no newline at the end", "nul\0\n"])
def test_a_file_that_a_here_document_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a file for a host is text whose last line ends"):
        script_of(replace(WRITE, text=text))


def test_a_line_of_which_dash_would_lose_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with 0 and is not ASCII"):
        script_of(replace(WRITE, text="ok\n0é\n"))


def test_no_value_of_the_environment_is_an_argument() -> None:
    text = script_of(replace(APPLY, environment="TOKEN=s3cret\n"))
    words = [line for line in text.splitlines() if line.startswith(("unit ", "environment "))]

    assert "s3cret" not in "".join(words)


# --- deadlines -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ([WRITE], 0),
        ([PULL, PULL], 1800),
        ([REMOVE, REMOVE], 80),
        ([APPLY], 2 * 60 + 60 + 120),
        ([APPLY, replace(APPLY, gate_s=100)], 2 * 100 + 160 + 240),
        ([PULL, REMOVE, APPLY], 900 + 40 + 300),
    ],
)
def test_a_script_has_a_deadline_by_what_it_does(steps: list[Step], seconds: float) -> None:
    assert build_script(steps, NONCE, "test", "x", 0).deadline_s == 60 + 120 + seconds


# --- answers -------------------------------------------------------------------------------------


def control(line: str) -> bytes:
    return f"\n{NONCE} {line}\n".encode()


def section(name: str, body: bytes, code: int = 0) -> bytes:
    return control(f"section {name}") + body + control(f"end-section {code}")


def answer(*parts: bytes, stderr: bytes = b"", code: int = 0) -> CommandResult:
    return CommandResult("h1", code, control("begin") + b"".join(parts), stderr)


def results(result: CommandResult, *steps: Step) -> list[tuple[Any, ...]]:
    return [(r.status, r.detail, r.log, r.restored, r.locked) for r in parse_results(steps, result, NONCE)]


def test_each_step_has_its_own_section() -> None:
    said = answer(
        section("step-0", b"unchanged 0\n\n"),
        section("step-1", b"failed 1\nit did not become healthy\nline 1\n\nline 2\n"),
        section("step-2", b"changed 0\n\n"),
        control("end 0"),
    )

    assert results(said, PULL, APPLY, WRITE) == [
        ("unchanged", "", (), False, False),
        ("failed", "it did not become healthy", ("line 1", "line 2"), True, False),
        ("changed", "", (), False, False),
    ]


def test_a_step_without_an_answer_has_failed() -> None:
    said = answer(section("step-0", b"changed 0\n\n"), stderr=b"Connection reset\n", code=255)

    assert results(said, PULL, WRITE)[1] == (
        "failed",
        "the script ended without an answer (exit code 255): Connection reset",
        (),
        False,
        False,
    )


def test_a_torn_section_is_no_answer() -> None:
    torn = answer(control("section step-0") + b"changed 0\n")

    assert results(torn, PULL)[0][0] == "failed"


def test_a_word_nobody_knows_is_a_failure() -> None:
    assert results(answer(section("step-0", b"splendid 0\nwell\n")), PULL)[0][:2] == ("failed", "well")


def test_a_lock_is_told_with_its_holder() -> None:
    said = answer(section("locked", b"apply by sre\x1b[2J@laptop pid 7\n", 75), control("end 75"))

    assert (
        results(said, PULL, WRITE)
        == [("failed", r"locked: apply by sre\x1b[2J@laptop pid 7", (), False, True)] * 2
    )


def test_a_refusal_is_told() -> None:
    said = answer(section("refused", b"this host belongs to cluster a, not b\n", 1), control("end 1"))

    assert results(said, PULL) == [
        ("failed", "refused by the host: this host belongs to cluster a, not b", (), False, False)
    ]


def test_nothing_a_host_says_reaches_a_terminal_raw() -> None:
    said = answer(section("step-0", b"failed 0\n\x1b]0;title\x07\nlog\x1b[31m\rover\n\xff\xfe\n"))

    shown = repr(results(said, PULL)) + repr(results(answer(stderr=b"\x1b[31m"), PULL))

    assert "\\x1b]0;title" in parse_results([PULL], said, NONCE)[0].detail
    assert "\x1b" not in "".join([*parse_results([PULL], said, NONCE)[0].log, shown])


@given(st.binary(max_size=200))
def test_any_bytes_are_some_answer(noise: bytes) -> None:
    found = parse_results([PULL, WRITE], CommandResult("h1", 0, control("begin") + noise, noise), NONCE)

    assert [result.step for result in found] == [PULL, WRITE]


# --- the script in a real shell, with the host's programs replaced -----------------------------------


def run(root: Path, *steps: Step) -> list[tuple[Any, ...]]:
    """Run the script below `root` with harmless programs in place of systemd's and docker's."""
    return [(r.status, r.detail, r.log, r.restored, r.locked) for r in ShellHost(root).run(*steps)]


lines = st.lists(
    st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), max_size=40), max_size=5
)


@settings(deadline=None, max_examples=15)
@given(lines)
@example(["Eü", "ENDü", "é", "0", "0ENDx"])
def test_any_text_reaches_the_host_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, written: list[str]
) -> None:
    assume(not any(line.startswith("0") and not line.isascii() for line in written))
    root = tmp_path_factory.mktemp("host")
    text = "".join(f"{line}\n" for line in [*written, "$HOME `id` $(id) \\ ' \" EOF"])

    assert run(root, replace(WRITE, text=text))[0][0] == "changed"
    assert (root / "etc" / "projects" / "shop.json").read_bytes() == text.encode()


def test_a_unit_of_which_systemd_says_nothing_is_put_back(tmp_path: Path) -> None:
    """The stand-in for systemctl never says active: the unit failed, and the one before it is back."""
    (tmp_path / "units").mkdir()
    (tmp_path / "etc" / "env").mkdir(parents=True)
    old = "[Unit]\nDescription=old\n"
    (tmp_path / "units" / "clusterctl-shop-web-1.service").write_text(old)
    (tmp_path / "etc" / "env" / "shop-web-1.env").write_text("KEY=old\n")

    found = run(tmp_path, replace(APPLY, replaces=file_digest(old)))

    assert found[0][:2] == ("failed", "clusterctl-shop-web-1.service did not become healthy")
    assert found[0][3] is True
    assert (tmp_path / "units" / "clusterctl-shop-web-1.service").read_text() == old
    assert (tmp_path / "etc" / "env" / "shop-web-1.env").read_text() == "KEY=old\n"


@pytest.mark.parametrize(
    ("program", "body", "detail"),
    [
        ("systemctl", "exit 1", "systemd does not answer within 10 s; shop-web-1 was not touched"),
        (
            "docker",
            '[ "$1" != version ]',
            "docker does not answer within 20 s: dockerd or containerd hangs, or is stopped; shop-web-1 was not touched",
        ),
    ],
)
def test_a_host_that_can_start_nothing_keeps_its_unit(
    tmp_path: Path, program: str, body: str, detail: str
) -> None:
    host = ShellHost(tmp_path)
    host.program(program, body)
    host.write("units/clusterctl-shop-web-1.service", "old\n")

    found = host.run(replace(APPLY, replaces=file_digest("old\n")))

    assert (found[0].status, found[0].detail) == ("failed", detail)
    assert host.read("units/clusterctl-shop-web-1.service") == "old\n"


def test_what_a_systemd_that_hangs_in_between_runs_is_unknown(tmp_path: Path) -> None:
    host = ShellHost(tmp_path)
    host.program(
        "systemctl", f'[ ! -e {tmp_path}/hangs ] || exit 1; [ "$1" != restart ] || : >{tmp_path}/hangs'
    )

    found = host.run(APPLY)

    assert (found[0].status, found[0].detail) == (
        "failed",
        "systemd does not answer within 10 s any more; what shop-web-1 runs is unknown",
    )


def test_a_previous_version_that_does_not_start_either_is_said_to_be_down(tmp_path: Path) -> None:
    host = ShellHost(tmp_path)
    host.program("systemctl", '[ "$1" != start ]')
    host.write("units/clusterctl-shop-web-1.service", "old\n")

    found = host.run(replace(APPLY, replaces=file_digest("old\n")))

    assert (found[0].detail, found[0].restored) == (
        "clusterctl-shop-web-1.service did not become healthy; its previous version does not run either",
        False,
    )
    assert host.read("units/clusterctl-shop-web-1.service") == "old\n"


def test_a_unit_that_changed_since_the_plan_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    file = tmp_path / "units" / "clusterctl-shop-web-1.service"
    file.write_text("edited\n")

    found = run(tmp_path, replace(APPLY, replaces=HEX), REMOVE)

    assert {item[:2] for item in found} == {
        ("failed", "clusterctl-shop-web-1.service has changed since the plan was made")
    }
    assert file.read_text() == "edited\n"


def test_a_unit_that_did_not_arrive_whole_is_not_installed(tmp_path: Path) -> None:
    found = run(tmp_path, replace(APPLY, unit_digest=HEX))

    assert found[0][:2] == ("failed", "the unit did not arrive whole")
    assert list((tmp_path / "units").iterdir()) == []


def test_a_host_of_another_cluster_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "cluster").write_text("prod\n")

    assert run(tmp_path, WRITE)[0][:2] == (
        "failed",
        "refused by the host: this host belongs to cluster prod, not test",
    )


def test_a_project_is_forgotten_and_the_second_time_nothing_is_done(tmp_path: Path) -> None:
    run(tmp_path, WRITE)

    assert run(tmp_path, WRITE)[0][0] == "unchanged"
    assert run(tmp_path, FORGET)[0][0] == "changed"
    assert list((tmp_path / "etc" / "projects").iterdir()) == []
