"""Short ways to parse in tests, and to see the mistakes as a person would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import dedent

import pytest

from clusterctl.errors import InputError
from clusterctl.model.intent import PlaybookStep, StepsIntent
from clusterctl.model.inventory import Inventory, Policy
from clusterctl.model.service import Project, Service
from clusterctl.parsing.compose import parse_playbook
from clusterctl.parsing.inventory import parse_inventory
from clusterctl.parsing.steps import parse_steps_playbook


def inventory(text: str) -> Inventory:
    """Parse an inventory."""
    return parse_inventory(dedent(text).lstrip("\n"), "inventory.yaml")


def playbook(text: str, *, files: Mapping[str, str] | None = None, policy: Policy | None = None) -> Project:
    """Parse a playbook whose env files are those given."""

    def read_file(path: str) -> str:
        if path not in (files or {}):
            raise FileNotFoundError(path)
        return (files or {})[path]

    return parse_playbook(
        dedent(text).lstrip("\n"),
        "shop.yaml",
        read_file=read_file,
        policy=policy or Policy(),
        default_name="shop",
    )


def service(keys: str, *, files: Mapping[str, str] | None = None, policy: Policy | None = None) -> Service:
    """Parse the one service of a playbook; `keys` is a flow mapping's inside."""
    return playbook(_one_service(keys), files=files, policy=policy).services[0]


def _one_service(keys: str) -> str:
    return f"services: {{web: {{image: nginx, {keys}}}}}\nvolumes: {{data: }}\n"


def steps(
    text: str, *, files: Mapping[str, str | bytes] | None = None, hosts: str | None = None
) -> StepsIntent:
    """Parse the steps of a playbook for three hosts, with the files given beside it."""

    def read_file(path: str) -> str | bytes:
        if path not in (files or {}):
            raise FileNotFoundError(path)
        return (files or {})[path]

    fleet = inventory("{cluster: lab, hosts: {'h[1-3]': {labels: {zone: a}}}}")
    return parse_steps_playbook(
        dedent(text).lstrip("\n"), "ops/site.yaml", inventory=fleet, read_file=read_file, hosts=hosts
    )


def step(text: str, *, files: Mapping[str, str | bytes] | None = None) -> PlaybookStep:
    """Parse one step, given as the inside of a flow mapping."""
    return steps(f"steps: [{{{text}}}]\n", files=files).steps[0]


def step_mistakes(text: str, *, files: Mapping[str, str | bytes] | None = None) -> list[str]:
    """Return the mistakes of one step, without file and the step's own path."""
    found = mistakes(lambda: step(text, files=files))
    return [line.removeprefix("ops/site.yaml:1: steps[0]").lstrip(".: ") for line in found]


def mistakes(parse: Callable[[], object]) -> list[str]:
    """Return every mistake, one per line, as it is shown."""
    with pytest.raises(InputError) as caught:
        parse()
    return [str(mistake) for mistake in caught.value.mistakes]


def service_mistakes(keys: str, *, policy: Policy | None = None) -> list[str]:
    """Return the mistakes of one service, without file and the service's own path."""
    found = mistakes(lambda: playbook(_one_service(keys), policy=policy))
    return [text.removeprefix("shop.yaml:1: services.web.") for text in found]


def inventory_mistakes(text: str) -> list[str]:
    """Return the mistakes of an inventory."""
    return mistakes(lambda: inventory(text))
