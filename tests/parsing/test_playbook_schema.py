"""The JSON Schema of a playbook says what the parser says: the same keys, and the mistakes that it can express."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from clusterctl.errors import InputError
from clusterctl.parsing.compose import forms as playbook_forms
from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.compose.schema import playbook_schema
from clusterctl.parsing.steps.keys import VERBS
from tests.parsing.schemas import ROOT, examples, is_refused
from tests.parsing.tools import playbook, steps

SCHEMA = playbook_schema()
_TAG = re.compile(r"!(?:reset|override) ")


def refused(text: str) -> bool:
    """Whether the schema refuses the playbook."""
    return is_refused(SCHEMA, _TAG.sub("", text))


def paths_in(form: dict[str, Any], path: str = "") -> set[str]:
    """Return the paths of all keys that a schema names."""
    found = set()
    for way in form.get("anyOf", []):
        found |= paths_in(way, path)
    for key, below in form.get("properties", {}).items():
        inside = f"{path}.{key}" if path else key
        found |= {inside} | (set() if inside == "steps" else paths_in(below, inside))
    if isinstance(form.get("additionalProperties"), dict):
        found |= paths_in(form["additionalProperties"], f"{path}.*")
    return found | (paths_in(form["items"], f"{path}[]") if "items" in form else set())


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_it_has_every_key_of_the_parser_and_says_why_others_are_refused() -> None:
    web = SCHEMA["properties"]["services"]["additionalProperties"]["properties"]

    assert paths_in(SCHEMA) == {*SUPPORTED, *KNOWN}
    assert web["scale"] == {
        "type": "null",
        "description": "not supported: use deploy.replicas",
        "errorMessage": "not supported: use deploy.replicas",
        "doNotSuggest": True,
    }
    assert web["x-priority"]["description"] == (
        "ours: who is placed first where not everything has room; 0 to 1000, 0 if left out"
    )


def test_every_row_of_the_forms_is_a_key() -> None:
    rows = {*playbook_forms.FORMS, *playbook_forms.SHORT}

    assert {row for row in rows if row.removesuffix("[]").removesuffix(".*") not in SUPPORTED} == set()


def test_every_key_without_keys_below_it_has_a_form() -> None:
    leaves = {
        key for key in SUPPORTED if not any(other.startswith((f"{key}.", f"{key}[")) for other in SUPPORTED)
    }

    assert leaves - {*playbook_forms.FORMS, *playbook_forms.SHORT} == {
        "steps",
        "version",
        "services.*.attach",
        "services.*.volumes[].consistency",
        "services.*.ports[].app_protocol",
        "services.*.ports[].name",
    }


def test_every_verb_is_a_step() -> None:
    step = SCHEMA["properties"]["steps"]["items"]

    assert set(step["properties"]) == {*VERBS, "name", "timeout"}


def test_it_takes_every_playbook_of_the_documentation() -> None:
    whole = examples([ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], "services|steps")

    assert len(whole) >= 8
    assert [block for block in whole if refused(block)] == []


def test_it_takes_every_playbook_that_is_shipped() -> None:
    shipped = sorted((ROOT / "playbooks").glob("*.yaml"))

    assert len(shipped) >= 5
    assert [file.name for file in shipped if refused(file.read_text("utf-8"))] == []


def test_of_stacks_of_public_shape_it_refuses_those_with_a_key_that_is_refused() -> None:
    stacks = sorted((Path(__file__).parent / "stacks").glob("*.yaml"))

    found = {stack.stem: refused(stack.read_text("utf-8")) for stack in stacks}

    assert found == {
        "broker": False,
        "git": True,
        "monitoring": True,
        "monitoring.cluster": False,
        "shop": False,
        "wiki": False,
    }


GOOD = [
    "services: {web: {image: nginx, labels: [a=b, c], environment: {A: 1, B: true, C: 'x'}}}",
    "services: {web: {image: nginx, deploy: {replicas: 3, update_config: {parallelism: 25%, delay: 0}}}}",
    "services: {web: {image: nginx, deploy: {resources: {limits: {cpus: '0.5', memory: 512m}}}}}",
    "services: {web: {image: nginx, ports: [80, '8080:80', {target: 80, published: '8081', protocol: tcp}]}}",
    "services: {web: {image: nginx, volumes: ['d:/d', {type: volume, source: d, target: /e}]}}\nvolumes: {d: }",
    "services: {web: {image: nginx, depends_on: [db]}, db: {image: db}}",
    "services: {web: {image: nginx, depends_on: {db: {condition: service_started}}}, db: {image: db}}",
    "services: {web: {image: nginx, healthcheck: {test: [CMD, a], interval: 5s, retries: 3}}}",
    "services: {web: {image: nginx, ulimits: {nofile: 1024, nproc: {soft: 1, hard: 2}}, tmpfs: /run}}",
    "services: {web: {image: nginx, networks: [a]}, api: {image: a, networks: {a: {aliases: [b]}}}}\nnetworks: {a: }",
    "services: {web: {image: nginx, command: a b, entrypoint: [a, 1], dns: 9.9.9.9, gpus: all, cpus: 2}}",
    "services: {web: {image: nginx, x-canary: {soak: 1m, gate: ./check}, x-drain: refuse, x-note: 7, deploy: {replicas: 3}}}",
    "services: {web: {image: nginx, x-singleton: true, x-priority: 1000, x-strategy: pack, x-quorum: db}}",
    "{services: {web: {image: nginx}}, volumes: {d: {external: {name: x}}}, networks: {n: {external: true}}}",
    "services: {web: {image: nginx, restart: on-failure:3, ipc: private, pids_limit: -1, memswap_limit: -1, attach: true}}",
    "services: {web: {image: nginx, configs: [{source: a, mode: 0400, uid: '7'}]}}\nconfigs: {a: {content: b}}",
    "services: {web: {image: nginx, gpus: [{count: 2, capabilities: [gpu]}], blkio_config: {weight: 300}}}",
    "services: {web: {image: nginx, depends_on: {db: {condition: service_started, required: false}}}, db: {image: db}}",
    "{version: '3', name: a, x-a: {b: c}, services: {web: {image: nginx}}}",
]


@pytest.mark.parametrize("text", GOOD)
def test_both_take_it(text: str) -> None:
    playbook(text)

    assert not refused(text)


BAD = [
    "[]",
    "{service: {web: {image: nginx}}}",
    "services: [web]",
    "services: {web: {image: nginx, imgae: x}}",
    "services: {web: {image: nginx, build: .}}",
    "services: {web: {image: nginx, scale: 2}}",
    "services: {web: {image: nginx, umask: 22}}",
    "services: {web: {image: nginx, init: yes}}",
    "services: {web: {image: nginx, deploy: {replicas: -1}}}",
    "services: {web: {image: nginx, deploy: {replicas: '3'}}}",
    "services: {web: {image: nginx, deploy: {mode: daemon}}}",
    "services: {web: {image: nginx, deploy: {update_config: {order: first}}}}",
    "services: {web: {image: nginx, deploy: {update_config: {delay: 10}}}}",
    "services: {web: {image: nginx, deploy: {resources: {limits: {memory: lots}}}}}",
    "services: {web: {image: nginx, deploy: {resources: {reservations: {cpus: some}}}}}",
    "services: {web: {image: nginx, healthcheck: {interval: 5}}}",
    "services: {web: {image: nginx, healthcheck: {retries: 0}}}",
    "services: {web: {image: nginx, healthcheck: {tests: a}}}",
    "services: {web: {image: nginx, ports: [{target: 80, protocol: sctp}]}}",
    "services: {web: {image: nginx, ports: {80: 80}}}",
    "services: {web: {image: nginx, volumes: [{type: npipe, source: a, target: /a}]}}",
    "services: {web: {image: nginx, command: {a: b}}}",
    "services: {web: {image: nginx, environment: {A: [b]}}}",
    "services: {web: {image: nginx, ulimits: {nofile: many}}}",
    "services: {web: {image: nginx, x-drain: stop}}",
    "services: {web: {image: nginx, x-priority: 1001}}",
    "services: {web: {image: nginx, x-singleton: 1}}",
    "services: {web: {image: nginx, x-canary: {soak: 5}}}",
    "{services: {web: {image: nginx}}, volumes: {d: {external: {label: x}}}}",
    "{services: {web: {image: nginx}}, networks: {n: {enable_ipv4: no}}}",
    "services: {web: {image: nginx, restart: never}}",
    "services: {web: {image: nginx, pid: container}}",
    "services: {web: {image: nginx, pids_limit: many}}",
    "services: {web: {image: nginx, blkio_config: {weight: 5}}}",
    "services: {web: {image: nginx, gpus: [{count: few}]}}",
    "services: {web: {image: nginx, secrets: [{source: a, mode: rw}]}}\nsecrets: {a: {file: a.txt}}",
    "services: {web: {image: nginx, deploy: {placement: {preferences: [{spread: zone}]}}}}",
    "{services: {web: {image: nginx}}, jobs: {a: {image: b}}}",
]


@pytest.mark.parametrize("text", BAD)
def test_both_refuse_it(text: str) -> None:
    with pytest.raises(InputError):
        playbook(text)

    assert refused(text)


GOOD_STEPS = [
    "steps: [{cordon: }, {drain: {deadline: 5m}}, {wait: 30s}, {wait: {seconds: 5}}, {gate: ./ok}, {uncordon: }]",
    "{hosts: h1, serial: [1, 50%], max_fail: 1, on_failure: continue, max_unavailable: 20%, steps: [{verify: }]}",
    "{serial: 2, window: 'Sat 02:00 3h UTC', steps: [{exec: 'echo $HOME', name: a, timeout: 5m}]}",
    "steps: [{exec: {command: a, on: operator}}, {reboot: {if_needed: true}}]",
    "steps: [{update: {security: true, reboot: never}}]",
]


@pytest.mark.parametrize("text", GOOD_STEPS)
def test_both_take_the_steps(text: str) -> None:
    steps(text)

    assert not refused(text)


BAD_STEPS = [
    "steps: []",
    "steps: {drain: }",
    "steps: [drain]",
    "steps: [{}]",
    "steps: [{drain: , reboot: }]",
    "steps: [{dran: }]",
    "steps: [{copy: {src: a}}]",
    "steps: [{exec: {cmd: a}}]",
    "steps: [{gate: }]",
    "steps: [{cordon: now}]",
    "{max_fail: -1, steps: [{verify: }]}",
    "{max_unavailable: 0, steps: [{verify: }]}",
    "{on_failure: go on, steps: [{verify: }]}",
    "{serial: [], steps: [{verify: }]}",
]


@pytest.mark.parametrize("text", BAD_STEPS)
def test_both_refuse_the_steps(text: str) -> None:
    with pytest.raises(InputError):
        steps(text)

    assert refused(text)


def test_numbers_and_flags_may_be_variables() -> None:
    assert not refused("services: {web: {image: 'a:${TAG}', init: '${I}', deploy: {replicas: '${N:-3}'}}}")
