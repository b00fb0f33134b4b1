"""The published JSON Schema of Compose has no key that we know nothing of, and we have none that it does not know.

The schema is read from the package check-jsonschema, which carries it as published; it is no part of ours.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN
from clusterctl.parsing.steps.keys import RUN_KEYS
from tests.parsing.tools import mistakes, playbook

NAMED_BY_US = {"services.*.storage_opt.size"}
"""The schema leaves the keys there open."""


def published() -> dict[str, Any]:
    """Return the schema."""
    text = (files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def paths_of(whole: dict[str, Any], form: Any, path: str = "", seen: tuple[str, ...] = ()) -> set[str]:
    """Return the dotted paths of all keys of a schema, in our way of writing them."""
    if not isinstance(form, dict) or form.get("$ref") in seen:
        return set()
    found: set[str] = set()
    if "$ref" in form:
        seen = (*seen, form["$ref"])
        found |= paths_of(whole, _at(whole, form["$ref"]), path, seen)
    for way in [*form.get("oneOf", []), *form.get("anyOf", []), *form.get("allOf", [])]:
        found |= paths_of(whole, way, path, seen)
    for key, below in form.get("properties", {}).items():
        inside = f"{path}.{key}" if path else key
        found |= {inside} | paths_of(whole, below, inside, seen)
    for pattern, below in form.get("patternProperties", {}).items():
        if pattern != "^x-":
            found |= paths_of(whole, below, f"{path}.*", seen)
    return found | paths_of(whole, form.get("items"), f"{path}[]", seen)


def _at(whole: dict[str, Any], reference: str) -> Any:
    place: Any = whole
    for name in reference.removeprefix("#/").split("/"):
        place = place[name]
    return place


def is_below_what_is_not_taken(path: str) -> bool:
    return any(path.startswith((f"{key}.", f"{key}[")) for key in KNOWN)


def test_every_key_of_compose_is_taken_or_told_from_a_slip() -> None:
    schema = published()

    keys = paths_of(schema, schema)

    assert len(keys) > 300
    assert {key for key in keys - {*SUPPORTED, *KNOWN} if not is_below_what_is_not_taken(key)} == set()


def test_every_key_of_ours_is_one_of_compose_or_named_as_ours() -> None:
    schema = published()
    ours = {key for key in SUPPORTED if ".x-" in key} | set(RUN_KEYS)

    assert {*SUPPORTED, *KNOWN} - paths_of(schema, schema) - ours == NAMED_BY_US


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "services: {web: {image: a, umask: '022'}}",
            'shop.yaml:1: services.web: "umask" is not supported yet',
        ),
        (
            "services: {web: {image: a, pre_start: [{command: b}]}}",
            'shop.yaml:1: services.web: "pre_start" is not supported yet',
        ),
        (
            "{services: {web: {image: a}}, jobs: {b: {image: c}}}",
            'shop.yaml:1: "jobs" is not supported yet',
        ),
        (
            "{services: {web: {image: a}}, networks: {n: {enable_ipv4: false}}}",
            "shop.yaml:1: networks.n.enable_ipv4: false is not supported: every network has IPv4",
        ),
        (
            "services: {web: {image: a, volumes: [{type: bind, source: /srv/a, target: /a, bind: {recursive: disabled}}]}}",
            'shop.yaml:1: services.web.volumes[0].bind: "recursive" is not supported yet',
        ),
        (
            "services: {web: {image: a, gpus: [{count: 1, options: {a: b}}]}}",
            'shop.yaml:1: services.web.gpus[0]: "options" is not supported yet',
        ),
        (
            "{services: {web: {image: a}}, volumes: {d: {external: {name: x}, name: y}}}",
            "shop.yaml:1: volumes.d: name and external.name are two names; keep name",
        ),
    ],
)
def test_what_is_said_of_a_key_that_is_not_taken(text: str, message: str) -> None:
    assert mistakes(lambda: playbook(text))[0] == message
