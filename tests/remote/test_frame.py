from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.remote.frame import FRAME_FUNCTION, Frame, Section, new_nonce, parse_frame

NONCE = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32


def control(line: str) -> bytes:
    return f"\n{NONCE} {line}\n".encode()


def whole(*sections: tuple[str, bytes]) -> bytes:
    parts = [control(f"section {name}") + body + control("end-section 0") for name, body in sections]
    return control("begin") + b"".join(parts) + control("end 0")


def test_a_frame_is_taken_apart() -> None:
    answer = whole(("a", b"one\n"), ("b:x.json", b"")) + b"whatever comes later\n"

    frame = parse_frame(answer, NONCE)

    assert frame == Frame(
        {"a": Section(b"one\n", 0), "b:x.json": Section(b"", 0)}, 0, complete=True, began=True
    )


def test_a_banner_before_the_frame_is_passed_over() -> None:
    frame = parse_frame(b"Welcome to host\nno newline at the end" + whole(("a", b"x")), NONCE)

    assert frame.complete
    assert frame.sections["a"].body == b"x"


def test_the_exit_codes_are_kept() -> None:
    answer = control("begin") + control("section a") + control("end-section 124") + control("end 7")

    frame = parse_frame(answer, NONCE)

    assert (frame.sections["a"].rc, frame.rc, frame.complete) == (124, 7, True)


@pytest.mark.parametrize("body", [b"text", b"text\n", b"", b"\n", b"\n\n", b"\x00\xff\r\n", b"a\n\nb"])
def test_a_body_comes_back_byte_for_byte(body: bytes) -> None:
    assert parse_frame(whole(("a", body), ("b", b"next")), NONCE).sections["a"].body == body


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        control("section a"),
        control("begin"),
        control("begin") + control("section a") + b"torn",
        whole(("a", b"x"))[:-2],
        control("begin") + control("section a") + control("end 0"),
        control("begin") + control("section a") + control("section b"),
        control("begin") + control("end-section 0") + control("end 0"),
        control("begin") + control("begin") + control("end 0"),
        control("begin") + control("end 1000"),
        control("begin") + control("section a b") + control("end 0"),
        whole(("a", b"1"), ("a", b"2")),
        whole(("a", b"1")).replace(NONCE.encode(), OTHER.encode()),
    ],
)
def test_a_torn_frame_is_not_complete(answer: bytes) -> None:
    assert not parse_frame(answer, NONCE).complete


def test_what_was_whole_in_a_torn_frame_is_there() -> None:
    answer = whole(("a", b"1"), ("b", b"2"))

    frame = parse_frame(answer[: answer.index(b"section b") + 12], NONCE)

    assert frame.sections == {"a": Section(b"1", 0)}
    assert not frame.complete


def test_a_nonce_is_random_hex() -> None:
    assert new_nonce() != new_nonce()
    with pytest.raises(ValueError, match="32 hex digits"):
        parse_frame(b"", ".*")


def test_the_shell_function_prints_what_is_parsed() -> None:
    script = f"NONCE={NONCE}\n{FRAME_FUNCTION}frame begin; frame section a; printf x; frame end-section 2; frame end 0"

    done = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, check=True)

    assert parse_frame(done.stdout, NONCE) == Frame({"a": Section(b"x", 2)}, 0, complete=True, began=True)


@given(st.binary())
def test_any_bytes_give_a_frame(answer: bytes) -> None:
    parse_frame(answer, NONCE)


@given(st.lists(st.sampled_from([
    control("begin"), control("end 0"), control("end-section 0"), control("section a"), control("section b"),
    control(""), control("section"), control("end x"), b"text", b"\n", NONCE.encode(), b" begin\n",
])))  # fmt: skip
def test_any_mixture_of_control_lines_gives_a_frame(parts: list[bytes]) -> None:
    parse_frame(b"".join(parts), NONCE)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_any_bodies_survive(bodies: list[bytes]) -> None:
    frame = parse_frame(whole(*((f"s{number}", body) for number, body in enumerate(bodies))), NONCE)

    assert frame.complete
    assert [section.body for section in frame.sections.values()] == bodies


@given(
    st.sampled_from(["begin", "end 0", "section b", "end-section 0"]),
    st.text("0123456789abcdef", min_size=32, max_size=32),
)
def test_a_body_cannot_forge_a_control_line_without_the_nonce(line: str, guess: str) -> None:
    body = f"\n{guess} {line}\n".encode()

    frame = parse_frame(whole(("a", body), ("z", b"end")), NONCE)

    assert frame.complete == (guess != NONCE)
    if frame.complete:
        assert frame.sections["a"].body == body


@given(st.integers(min_value=0, max_value=200))
def test_a_cut_never_makes_a_complete_frame(cut: int) -> None:
    answer = whole(("a", b"text\n"), ("b", b""))

    assert not parse_frame(answer[: min(cut, len(answer) - 1)], NONCE).complete
