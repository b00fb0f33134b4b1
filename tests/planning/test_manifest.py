from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterctl.errors import InputError
from clusterctl.model.service import Project
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.generations import latest_manifest, manifests_of
from clusterctl.planning.manifest import (
    Manifest,
    digest,
    is_same,
    make_manifest,
    parse_manifest,
    project_of,
    render_manifest,
    why_unreadable,
)
from clusterctl.planning.spec import canonical
from tests.builders import PINNED, a_project, a_service, a_snapshot, facts_of
from tests.planning.worlds import projects


def a_manifest(generation: int = 3, cluster: str = "test") -> Manifest:
    project = a_project(a_service(environment={"KEY": "välue\n"}))
    return make_manifest(cluster, project, generation, {"web": PINNED}, {"shop-web-1": "h1"})


@settings(deadline=None, max_examples=30)
@given(projects(), st.integers(1, 10**9))
def test_a_manifest_is_read_back(project: object, generation: int) -> None:
    manifest = make_manifest("test", project, generation, {"web": PINNED}, {"shop-web-1": "h1"})  # type: ignore[arg-type]

    assert parse_manifest(render_manifest(manifest)) == manifest


def test_a_manifest_is_one_line() -> None:
    text = render_manifest(a_manifest())

    assert text.count("\n") == 1
    assert text.endswith("\n")


@pytest.mark.parametrize(
    "change",
    [
        {"generation": "3"},
        {"revision": 1.5},
        {"placements": ["shop-web-1"]},
        {"placements": {"shop-web-1": 1}},
        {"pinned": {"web": None}},
        {"volumes": [1]},
        {"services": {"web": {"name": "web", "image": "a:1", "replicas": 10**9}}},
        {"services": {"web": {"name": "web", "image": "a:1", "stop_grace_period_s": 10**400}}},
    ],
)
def test_a_manifest_with_a_true_digest_and_other_types_is_none(change: dict[str, Any]) -> None:
    body = {**json.loads(render_manifest(a_manifest()))["manifest"], **change}

    assert parse_manifest(json.dumps({"manifest": body, "digest": digest(canonical(body))})) is None


def test_a_project_that_hosts_could_not_tell_in_one_look_is_refused() -> None:
    values = {f"A{k}": "x" * 50_000 for k in range(70)}
    manifest = make_manifest("test", a_project(a_service(environment=values)), 1, {"web": PINNED}, {})

    with pytest.raises(InputError) as caught:
        render_manifest(manifest)

    assert str(caught.value) == "project shop is larger than 3 MiB, with its environment"
    assert caught.value.details == (
        "each host keeps it, with three generations before it, and tells all of them in one look",
    )
    assert caught.value.next_step == (
        "put large values into files that are mounted, or make two projects of it. Nothing was changed."
    )


def test_a_torn_manifest_is_none() -> None:
    text = render_manifest(a_manifest())

    assert not [end for end in range(len(text) - 1) if parse_manifest(text[:end])]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"manifest":{},"digest":"x"}',
        "[" * 100_000,
        render_manifest(a_manifest()).replace('"generation":3', '"generation":9'),
    ],
    ids=["empty", "null", "list", "object", "bare", "deep", "edited"],
)
def test_an_edited_manifest_is_none(text: str) -> None:
    assert parse_manifest(text) is None


def test_another_version_is_none() -> None:
    body = json.loads(render_manifest(a_manifest()))["manifest"] | {"apiVersion": "clusterctl/v2"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert parse_manifest(json.dumps({"manifest": body, "digest": digest(text)})) is None


def test_the_highest_generation_wins() -> None:
    snapshot = holding(a_manifest(3), a_manifest(5))

    found = latest_manifest(snapshot, "test", "shop")

    assert found is not None
    assert found.generation == 5


def test_then_the_highest_revision() -> None:
    first = a_manifest(5)
    moved = replace(first, placements={"shop-web-1": "h2"}, revision=1)

    assert latest_manifest(holding(moved, first), "test", "shop") == moved
    assert moved.content == first.content


def test_every_kept_generation_is_found_in_its_newest_revision() -> None:
    third, moved = a_manifest(3), replace(a_manifest(3), revision=1)
    old = facts_of("h1", history={"shop@3": render_manifest(third), "shop@2": render_manifest(a_manifest(2))})
    new = facts_of(
        "h2", manifests={"shop": render_manifest(moved)}, history={"blog@9": "{", "shop@1": "torn"}
    )

    assert manifests_of(a_snapshot(old, new), "test", "shop") == {2: a_manifest(2), 3: moved}


def test_a_manifest_without_revision_and_volumes_is_read() -> None:
    body = json.loads(render_manifest(a_manifest()))["manifest"]

    assert not {"revision", "volumes"} & set(body)
    assert parse_manifest(signed(body)) == a_manifest()


def test_what_has_its_default_is_not_written() -> None:
    text = render_manifest(make_manifest("test", a_project(a_service()), 1, {"web": PINNED}, {}))

    assert text == (
        '{"digest":"4d02c5b35bbdb59c688f41d3accadfefa9b9e44166310c9c73f798ccbbcfb502","manifest":{"apiVersion":"clusterctl/v1","cluster":"test","generation":1,"kind":"Manifest",'
        f'"pinned":{{"web":"{PINNED}"}},"placements":{{}},"project":"shop",'
        '"services":{"web":{"image":"registry:5000/web:1","name":"web"}}}}\n'
    )


def as_before(manifest: Manifest) -> str:
    """Return the text that the release before wrote: every field of every service."""
    services = {
        service.name: json.loads(canonical(dataclasses.asdict(service)))
        for service in project_of(manifest).services
    }
    body = {field.name: getattr(manifest, field.name) for field in dataclasses.fields(manifest)}
    return signed({**body, "services": services, "apiVersion": "clusterctl/v1", "kind": "Manifest"})


def test_a_manifest_with_all_fields_is_the_same_as_one_without_defaults() -> None:
    manifest = a_manifest()

    assert len(as_before(manifest)) > 3 * len(render_manifest(manifest))
    assert parse_manifest(as_before(manifest)) == manifest
    assert parse_manifest(as_before(manifest)).content == manifest.content  # type: ignore[union-attr]
    assert is_same(as_before(manifest), render_manifest(manifest))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"services": {"web": {"name": "web", "image": "a:1", "teleport": True}}},
            "Service has no field teleport",
        ),
        (
            {"services": {"web": {"name": "web", "image": "a:1", "runtime": {"warp": 9}}}},
            "Runtime has no field warp",
        ),
        (
            {
                "services": {
                    "web": {
                        "name": "web",
                        "image": "a:1",
                        "canary": {"instances": 1, "gate": ["true"], "warp": 9},
                    }
                }
            },
            "Canary has no field warp",
        ),
        ({"teleports": ["a"]}, "Manifest has no field teleports"),
        ({"apiVersion": "clusterctl/v2"}, "its form is not clusterctl/v1"),
        (
            {"services": {"web": {"name": "web", "image": "a:1", "environment": {"PIN": 1234}}}},
            "it holds values that no field of this release takes",
        ),
    ],
)
def test_a_manifest_that_a_newer_release_wrote_is_none_and_says_why(
    change: dict[str, Any], reason: str
) -> None:
    text = signed({**json.loads(render_manifest(a_manifest()))["manifest"], **change})

    assert parse_manifest(text) is None
    assert why_unreadable(text) == reason


def test_a_torn_or_edited_manifest_is_of_no_newer_release() -> None:
    text = render_manifest(a_manifest())

    assert not why_unreadable(text)
    assert not why_unreadable(text[:-9])
    assert not why_unreadable(text.replace("shop", "shpo"))


@settings(deadline=None, max_examples=30)
@given(projects())
def test_a_project_is_read_back_from_its_manifest(project: Project) -> None:
    project = replace(project, volumes=("data", "more"))
    text = render_manifest(make_manifest("test", project, 1, {}, {}))

    manifest = parse_manifest(text)

    assert manifest is not None
    assert project_of(manifest) == replace(
        project, services=tuple(sorted(project.services, key=lambda s: s.name))
    )


def signed(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return json.dumps({"manifest": body, "digest": digest(text)})


def test_manifests_of_other_clusters_and_torn_ones_do_not_count() -> None:
    torn = facts_of("h2", manifests={"shop": "{"})
    other = facts_of("h1", manifests={"shop": render_manifest(a_manifest(9, cluster="other"))})

    assert latest_manifest(a_snapshot(other, torn), "test", "shop") is None


def holding(*manifests: Manifest) -> Snapshot:
    return a_snapshot(
        *(facts_of(f"h{k}", manifests={"shop": render_manifest(m)}) for k, m in enumerate(manifests))
    )
