"""Each key that a file may have, set to each odd value: taken, or refused with the line and the key (rows 1 to 28)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from clusterctl.errors import InputError, Mistake
from clusterctl.model.inventory import Policy
from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.parsing.inventory import allow as inventory_allow
from clusterctl.parsing.inventory import fence as inventory_fence
from clusterctl.parsing.inventory import file as inventory
from clusterctl.parsing.inventory import hosts as inventory_hosts
from clusterctl.parsing.inventory import policy as inventory_policy
from clusterctl.parsing.inventory import sources
from clusterctl.parsing.inventory import ssh as inventory_ssh
from clusterctl.parsing.inventory.file import read_inventory
from clusterctl.parsing.steps.intent import parse_steps_playbook
from clusterctl.parsing.steps.keys import RUN_KEYS, STEP_KEYS, VERBS
from tests.parsing import tools

ODD = (
    *("null", '""', "' '", "[]", "{}", "[[]]", "[{}]", "{a: {}}", "{a: null}", "[a, a]", "[-1]", "-1", "0"),
    *("1e400", ".nan", "9" * 30, "0o17", "2001-01-01", "22:22", "true", "[" * 60 + "]" * 60, "a" * 5000),
    *('"a\\nb"', '"\\u202e"', '"../x"', '"%n"', '"$X"'),
)
STEPS = ("steps", *RUN_KEYS)
NAMES = {"ulimits": "nofile", "networks": "net", "volumes": "data", "depends_on": "db", "sysctls": "net.x"}
"""What stands for `*` below a key; elsewhere it is `a`."""
NEEDED = {
    "services.*": ["image: nginx"],
    "services.*.volumes[]": ["type: volume", "source: data", "target: /x"],
    "services.*.volumes[].bind": [],
    "services.*.ports[]": ["target: 80"],
    "services.*.configs[]": ["source: a"],
    "services.*.secrets[]": ["source: a"],
    "services.*.env_file[]": ["path: beside"],
    "services.*.post_start[]": ["command: [a]"],
    "services.*.pre_stop[]": ["command: [a]"],
    "services.*.devices[]": ["source: /dev/x"],
    "services.*.ulimits.*": ["soft: 1", "hard: 1"],
    "services.*.extends": ["service: db"],
    "services.*.depends_on.*": ["condition: service_healthy"],
    "services.*.gpus[]": ["capabilities: [gpu]"],
    "services.*.deploy.resources.reservations.devices[]": ["capabilities: [gpu]"],
    "services.*.blkio_config.weight_device[]": ["path: /dev/x", "weight: 10"],
    **{
        f"services.*.blkio_config.device_{way}_{unit}[]": ["path: /dev/x", "rate: 10"]
        for way in ("read", "write")
        for unit in ("bps", "iops")
    },
    "configs.*": ["content: x"],
    "secrets.*": ["file: beside"],
    "include[]": ["path: beside"],
    "hosts.*.fence": ["agent: fence_x"],
    "policy.before": ["command: a"],
    "policy.after": ["command: a"],
    "sources[]": ["ssh_config: beside"],
    "steps[]": ["cordon:"],
    "steps[].exec": ["command: a"],
    "steps[].copy": ["src: beside", "dest: /x"],
    "steps[].wait": ["seconds: 1"],
    "steps[].gate": ["command: a"],
    "steps[].apply": ["playbook: beside"],
}
"""What must stand beside a key for its section to be whole."""
FLEET = tools.inventory("{cluster: lab, hosts: {'h[1-3]': {labels: {zone: a}}}}")


def written(path: str, value: str, beside: Iterable[str]) -> tuple[str, set[tuple[int, str]]]:
    """Return a file in which this key has this value, and the lines that may be named: the key's, and its section's."""
    before: list[str] = []
    after = list(beside)
    section: set[tuple[int, str]] = set()
    places: set[tuple[int, str]] = set()
    above = ""
    for depth, part in enumerate(path.split(".")):
        key = part.removesuffix("[]")
        name = NAMES.get(above.rpartition(".")[2], "a") if part == "*" else key
        after = [f"{'  ' * depth}{item}" for item in _needed(above, key)] + after
        before.append(f"{'  ' * depth}{name}:")
        section, places = places, {(len(before), name)}
        above = f"{above}.{part}" if above else part
        if part.endswith("[]"):
            before.append(f"{'  ' * depth}-")
            places.add((len(before) + 1, name))
    return "\n".join([*before[:-1], f"{before[-1]} {value}", *after]) + "\n", section | places


def _needed(section: str, key: str) -> list[str]:
    if section == "steps[]" and key in VERBS:
        return []
    return [item for item in NEEDED.get(section, []) if not item.startswith(f"{key}:")]


def untold(
    paths: Iterable[str], beside: Callable[[str], list[str]], parse: Callable[[str], object]
) -> list[str]:
    """Return what was refused with no short line that names the key or its section, and where it is."""
    found = []
    for path in paths:
        for value in ODD:
            text, places = written(path, value, beside(path))
            found += [f"{path}: {value[:20]}: {line}" for line in _unclear(text, places, parse)]
    return found


def _unclear(text: str, places: set[tuple[int, str]], parse: Callable[[str], object]) -> list[str]:
    try:
        parse(text)
    except InputError as error:
        told = any(_is_told(mistake, places) for mistake in error.mistakes)
        return [] if told else [str(mistake) for mistake in error.mistakes]
    return []


def _is_told(mistake: Mistake, places: set[tuple[int, str]]) -> bool:
    short = len(mistake.message) < 400 and "\n" not in mistake.message
    return short and any(mistake.line == line and name in mistake.message for line, name in places)


def beside(path: str) -> str:
    if path != "beside":
        raise FileNotFoundError(path)
    return "A=1\n"


def test_each_key_of_a_playbook_with_each_odd_value_is_taken_or_told_with_its_line() -> None:
    def more(path: str) -> list[str]:
        top = path.partition(".")[0].removesuffix("[]")
        others = {
            "services": "  db: {image: nginx}" if top == "services" else "services: {db: {image: nginx}}",
            "volumes": "volumes: {data: {}}",
            "networks": "networks: {net: {}}",
            "configs": "configs: {a: {content: x}}",
            "secrets": "secrets: {a: {file: beside}}",
        }
        own = [others.pop("services")] if path.startswith("services.") else []
        return own + [line for name, line in others.items() if name != top]

    paths = [path for path in {**SUPPORTED, **KNOWN} if path.partition(".")[0] not in STEPS]

    found = untold(
        paths,
        more,
        lambda text: parse_playbook(text, "f", read_file=beside, policy=Policy(), default_name="shop"),
    )

    assert len(paths) > 250
    assert found == []


def test_each_key_of_an_inventory_with_each_odd_value_is_taken_or_told_with_its_line() -> None:
    paths = [
        *inventory.KEYS,
        *(f"ssh.{key}" for key in (*inventory_ssh.FLEET_KEYS, *inventory_ssh.HOST_KEYS)),
        *(f"policy.{key}" for key in inventory_policy.KEYS),
        *(f"policy.{hook}.{key}" for hook in ("before", "after") for key in inventory_policy.HOOK_KEYS),
        *(f"policy.allow.{key}" for key in inventory_allow.ALLOW_KEYS),
        *("hosts.*", "hosts.*.labels.*", "hosts.*.capacity.cpus", "hosts.*.capacity.memory", "groups.*"),
        *(f"hosts.*.{key}" for key in inventory_hosts.KEYS),
        *(f"hosts.*.ssh.{key}" for key in inventory_ssh.HOST_KEYS),
        *(f"hosts.*.fence.{key}" for key in inventory_fence.KEYS),
        *(f"sources[].{key}" for key in sources.ALL_KEYS),
    ]

    def more(path: str) -> list[str]:
        top = path.partition(".")[0].removesuffix("[]")
        others = {"cluster": "cluster: lab", "hosts": "hosts: {a: {}}"}
        return [line for name, line in others.items() if name != top]

    found = untold(
        paths, more, lambda text: read_inventory(text, "f", tools.outside({"beside": "Host b\n"}, {}))
    )

    assert found == []


def test_each_key_of_steps_with_each_odd_value_is_taken_or_told_with_its_line() -> None:
    paths = [
        *STEPS,
        *(f"steps[].{key}" for key in (*STEP_KEYS, *VERBS)),
        *(f"steps[].{verb}.{key}" for verb, entry in VERBS.items() for key in entry.arguments),
    ]

    found = untold(
        paths,
        lambda path: [] if path.startswith("steps") else ["steps: [{cordon: }]"],
        lambda text: parse_steps_playbook(text, "f", inventory=FLEET, read_file=beside),
    )

    assert found == []


@pytest.mark.parametrize("value", ODD)
def test_a_file_that_is_one_odd_value_is_refused_with_its_line(value: str) -> None:
    for parse in (
        lambda: tools.inventory(value),
        lambda: tools.playbook(value),
        lambda: tools.steps(value),
    ):
        assert all(len(line) < 400 for line in tools.mistakes(parse))
