"""What other tools take for a step and this one does not (bad-input rows 25 to 27)."""

from __future__ import annotations

import pytest

from tests.parsing.tools import mistakes, step, step_mistakes, steps

VERBS = "one of cordon, uncordon, drain, reboot, update, exec, copy, wait, gate, verify, apply"


@pytest.mark.parametrize("key", ["shell", "include", "include_tasks", "import_playbook", "raw", "script"])
def test_a_module_that_is_no_verb_is_named(key: str) -> None:
    assert step_mistakes(f"{key}: a.yaml") == [
        f"a step has one verb: {VERBS}",
        f'unknown key "{key}"',
    ]


@pytest.mark.parametrize(
    "key",
    [
        *("loop", "with_items", "until", "retries", "when", "register", "vars", "set_fact", "become", "user"),
        *("remote_user", "ssh_args", "environment", "delegate_to", "connection", "ansible_user"),
    ],
)
def test_there_are_no_loops_and_no_variables_so_none_can_be_set(key: str) -> None:
    assert step_mistakes(f"exec: id, {key}: 1000000000") == [f'unknown key "{key}"']


@pytest.mark.parametrize(
    "text",
    [
        "echo {{ ansible_user }} {% for a in range(10**9) %}",
        "echo $HOME ${HOME:-x} $(id) `id`",
        "echo %h %u %%",
        "echo \\\\ \\' \\t",
    ],
)
def test_what_looks_like_a_template_is_the_command_as_it_stands(text: str) -> None:
    found = step(f"exec: '{text.replace(chr(39), chr(39) * 2)}'")

    assert found.arguments["command"] == text


def test_more_than_a_thousand_steps_are_refused() -> None:
    found = mistakes(lambda: steps("steps:\n" + "- cordon:\n" * 1001))

    assert found == ["ops/site.yaml:1: steps: more than 1000 steps"]


def test_steps_that_hold_themselves_are_a_loop() -> None:
    found = mistakes(lambda: steps("steps: &s\n- *s\n"))

    assert 'ops/site.yaml:2: the alias "s" stands inside what it means: a loop' in found


@pytest.mark.parametrize(
    ("dest", "message"),
    [
        ("~root/x", 'copy.dest: expected an absolute path, got "~root/x"'),
        ("/a/../b", 'copy.dest: a path may not hold ".."'),
        ("/", 'copy.dest: expected the absolute path of a file, with its name, got "/"'),
        ("a", 'copy.dest: expected an absolute path, got "a"'),
        ("$HOME/a", 'copy.dest: expected an absolute path, got "$HOME/a"'),
    ],
)
def test_a_place_that_is_none_is_refused(dest: str, message: str) -> None:
    """Row 28; what only the host knows is refused there (`tests/remote/test_script_command.py`)."""
    assert step_mistakes(f"copy: {{src: b, dest: '{dest}'}}", files={"b": "x"}) == [message]
