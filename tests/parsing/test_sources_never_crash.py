"""Whatever a source says, the answer is an inventory or its mistakes with a file (bad-input rows 7 to 10, 33, 38)."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clusterctl.errors import InputError
from tests.parsing.tools import merged

SSH_WORDS = st.sampled_from([
    "Host", "Match", "Include", "HostName", "ProxyJump", "ProxyCommand", "Port", "User", "IdentityFile", "a", "b*", "!a",
    "*", "all", "host", "user", "exec", "final", "%h", "%%", "%z", "${X}", "a,b", "u@a:1", "[::1]:2", "none", "more", "=",
    '"', "'", "\\", "#", "-x", "0", "22", "$(id)", "ssh -W %h:%p a", "\t", "é", "\x1b[2J",
])  # fmt: skip
INI_WORDS = st.sampled_from([
    "[web]", "[web:children]", "[web:vars]", "[all:vars]", "[x", "web", "a", "h[1:3]", "h[3:1]", "h[a:c]", "h[", "a:22",
    "[::1]:22", "ansible_host=10.0.0.1", "ansible_host={{ x }}", "ansible_user=-x", "ansible_port=0", "zone=a", "zone=",
    "ansible_ssh_common_args='-o ProxyJump=a'", "ansible_connection=local", "k=v", "=", "'", '"', "#", ";", "\\", "é",
])  # fmt: skip
NAMES = st.sampled_from(
    ["all", "web", "db", "_meta", "hosts", "children", "vars", "hostvars", "a", "ansible_host", "zone"]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NAMES | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def lines_of(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.lists(words, min_size=1, max_size=5).map(" ".join), max_size=8).map("\n".join)


def is_read_or_refused(source: str, files: dict[str, str], programs: dict[str, str] | None = None) -> bool:
    """Whether it became an inventory, or mistakes that each name a file."""
    try:
        return bool(
            merged(f"{{cluster: lab, sources: [{source}]}}", files=files, programs=programs).inventory.hosts
        )
    except InputError as error:
        return bool(error.mistakes) and all(mistake.file for mistake in error.mistakes)


@given(lines_of(SSH_WORDS), lines_of(SSH_WORDS))
def test_an_ssh_config_is_read_or_refused(text: str, included: str) -> None:
    assert is_read_or_refused(
        "{ssh_config: config}", {"config": text, "~/.ssh/more": included, "~/.ssh/a": text}
    )


@given(lines_of(SSH_WORDS))
def test_options_for_all_are_read_or_refused(text: str) -> None:
    source = "{ssh_config: config, options_only: true}], hosts: {a: , b: {address: 10.0.0.1}}, x-rest: ["

    assert is_read_or_refused(source, {"config": text})


@given(lines_of(INI_WORDS))
def test_an_ini_inventory_is_read_or_refused(text: str) -> None:
    assert is_read_or_refused("{ansible: hosts, labels_from: [zone]}", {"hosts": text})


@given(TREES)
def test_what_an_executable_prints_is_read_or_refused(tree: Any) -> None:
    programs = {"./inv --list": json.dumps(tree), "./inv --host a": json.dumps(tree)}

    assert is_read_or_refused("{ansible: ./inv, labels_from: [zone]}", {}, programs)


@given(TREES)
def test_a_yaml_inventory_is_read_or_refused(tree: Any) -> None:
    assert is_read_or_refused("{ansible: hosts.yml, labels_from: [zone]}", {"hosts.yml": json.dumps(tree)})
