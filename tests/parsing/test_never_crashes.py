"""Whatever is written, the answer is a value or an InputError (bad-input rows 1 to 19, as properties)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterctl.errors import InputError
from clusterctl.model.inventory import Inventory, Policy
from clusterctl.model.window import Window
from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.parsing.inventory.allow import ALLOW_KEYS
from clusterctl.parsing.inventory.file import parse_inventory
from clusterctl.parsing.inventory.policy import HOOK_KEYS
from clusterctl.parsing.inventory.policy import KEYS as POLICY_KEYS
from clusterctl.parsing.limits import parse_limit, parse_serial
from clusterctl.parsing.selector import select
from clusterctl.parsing.steps.intent import parse_steps_playbook
from clusterctl.parsing.steps.keys import RUN_KEYS, STEP_KEYS, VERBS
from clusterctl.parsing.windows import parse_window
from clusterctl.parsing.words import Expected, Unfit
from clusterctl.parsing.yaml import parse_yaml
from tests.parsing.mutations import damaged
from tests.parsing.tools import inventory

FLEET: Inventory = inventory("""
    cluster: lab
    hosts: {"web[01-20]": {labels: {zone: a}}, db1: {labels: {zone: b}}}
    groups: {dbs: db1}
""")
WORDS = [
    "web[01-03]",
    "10.0.0.[1-2]",
    "@a",
    "all",
    "zone=a",
    "80:80",
    "data:/x",
    "/etc:/x",
    "1m30s",
    "64m",
    "10%",
    "$X",
    "no",
    "Sat 02:00 3h Europe/Amsterdam",
    "daily 1:00 3h Mars",
    "[1, 10%]",
    "web",
    "service_healthy",
    "operator",
    "0644",
    "beside.yaml",
]
KEYS = sorted({path.rpartition(".")[2] for path in {**SUPPORTED, **KNOWN}} | {"a", "b", "<<", "x-y", "data"})
INVENTORY_KEYS = [
    *(
        "cluster",
        "ssh",
        "policy",
        "hosts",
        "groups",
        "user",
        "port",
        "address",
        "labels",
        "capacity",
        "cpus",
        "memory",
    ),
    *("min_free_disk", "allow_host_paths", *ALLOW_KEYS, "connect_timeout", "web[1-3]", "a", "all"),
    *(*POLICY_KEYS, *HOOK_KEYS),
]
STEPS_KEYS = sorted(
    {*RUN_KEYS, *STEP_KEYS, *VERBS, *(key for verb in VERBS.values() for key in verb.arguments), "x-y", "a"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)


def trees(keys: list[str]) -> st.SearchStrategy[object]:
    """Return mappings and lists under known keys."""
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=4),
        max_leaves=12,
    )


def no_file(path: str) -> str:
    raise FileNotFoundError(path)


def answers(parse: Callable[[], object]) -> None:
    """Run; anything but a value or an InputError fails the test."""
    with suppress(InputError):
        parse()


def read_all(data: bytes | str) -> None:
    answers(lambda: parse_yaml(data, "f"))
    answers(lambda: parse_inventory(data, "f"))
    answers(lambda: parse_playbook(data, "f", read_file=no_file, policy=Policy()))
    answers(lambda: parse_steps_playbook(data, "f", inventory=FLEET, read_file=no_file))


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    read_all(data)


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    read_all(text)


@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"#%@<?~ \n\t01."), max_size=60))
def test_any_text_of_yaml_marks_gets_an_answer(text: str) -> None:
    read_all(text)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged())
def test_any_damaged_file_gets_an_answer(text: str) -> None:
    read_all(text)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(trees(INVENTORY_KEYS), trees(INVENTORY_KEYS))
def test_any_tree_under_the_keys_of_an_inventory_gets_an_answer(hosts: object, rest: object) -> None:
    text = yaml.safe_dump({"cluster": "x", "hosts": hosts, "groups": rest, "ssh": rest, "policy": rest})

    answers(lambda: parse_inventory(text, "f"))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), trees(KEYS), max_size=6))
def test_any_tree_under_the_keys_of_a_service_gets_an_answer(keys: dict[str, object]) -> None:
    text = yaml.safe_dump({"services": {"web": {"image": "nginx", **keys}}, "volumes": {"data": None}})

    answers(lambda: parse_playbook(text, "f", read_file=no_file, policy=Policy()))


@given(st.text(max_size=50) | st.text(st.sampled_from("web0123db,!&^[]-/*?@=zone ."), max_size=30))
def test_any_selector_gets_an_answer(expression: str) -> None:
    answers(lambda: select(expression, FLEET))


@given(st.text(st.sampled_from("AB= '\"\\#$\n\rx"), max_size=40))
def test_any_env_file_gets_an_answer(text: str) -> None:
    data = "services: {web: {image: nginx, env_file: a}}\n"

    answers(lambda: parse_playbook(data, "f", read_file=lambda _: text, policy=Policy()))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(STEPS_KEYS), trees(STEPS_KEYS), max_size=3), max_size=4))
def test_any_tree_under_the_keys_of_steps_gets_an_answer(steps: list[object]) -> None:
    text = yaml.safe_dump({"steps": steps, "services": {"web": {"image": "nginx"}}})

    answers(lambda: parse_steps_playbook(text, "f", inventory=FLEET, read_file=lambda _: text))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(STEPS_KEYS), trees(STEPS_KEYS), max_size=6))
def test_any_tree_under_the_keys_beside_steps_gets_an_answer(keys: dict[str, object]) -> None:
    text = yaml.safe_dump({"steps": [{"cordon": None}], **keys})

    answers(lambda: parse_steps_playbook(text, "f", inventory=FLEET, read_file=no_file))
    answers(lambda: parse_playbook(text, "f", read_file=no_file, policy=Policy()))


@settings(deadline=None)
@given(st.text(max_size=30) | st.text(st.sampled_from("SatMonFri-,0123: hmUTCEurope/%[]"), max_size=30))
def test_any_window_limit_and_serial_gets_an_answer(text: str) -> None:
    for parse in (parse_window, parse_limit, parse_serial):
        with suppress(Expected, Unfit):
            parse(text)


@settings(deadline=None)
@given(
    st.builds(
        Window,
        days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
        start_minute=st.integers(0, 1439),
        length_s=st.integers(1, 7 * 24 * 60).map(lambda minutes: minutes * 60),
        zone=st.sampled_from(["UTC", "Europe/Amsterdam", "America/Argentina/Buenos_Aires"]),
    )
)
def test_a_window_is_read_as_it_is_shown(window: Window) -> None:
    assert parse_window(str(window)) == window
