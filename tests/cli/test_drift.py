"""`status` with drift, and apply, delete and rollback on units that somebody has edited."""

from __future__ import annotations

import json

import pytest

from clusterctl.planning.manifest import digest
from clusterctl.planning.spec import canonical
from tests.cli.conftest import Desk

UNIT = "clusterctl-shop-web-1.service"


def edit(desk: Desk) -> None:
    host = desk.cluster.hosts["h1"]
    host.files[UNIT] = host.files[UNIT].replace("Restart=always", "Restart=no")


def test_status_of_a_fleet_without_drift_is_two_tables(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    ran = desk.run("status")

    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines() if line] == [
        "HOST",
        "h1",
        "h2",
        "h3",
        "SERVICE",
        "shop/web",
    ]


def test_status_shows_drift_and_what_mends_it_and_is_1(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)

    ran = desk.run("status")
    document = json.loads(desk.run("status", "-o", "json").out)

    assert ran.code == 1
    assert [" ".join(line.split()) for line in ran.out.splitlines()[-2:]] == [
        "HOST DRIFT FOUND MEND",
        f"h1 edited {UNIT} is edited by hand clusterctl apply <playbook of shop> --overwrite",
    ]
    assert document["drift"] == [
        {
            "kind": "edited",
            "host": "h1",
            "words": f"{UNIT} is edited by hand",
            "mend": "clusterctl apply <playbook of shop> --overwrite",
        }
    ]


def test_an_edited_unit_is_refused_whole_and_written_anew_when_told_to(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)
    effects = desk.cluster.effects

    refused = desk.run("apply", "shop.yaml", "--yes")
    untouched = desk.cluster.effects == effects
    mended = desk.run("apply", "shop.yaml", "--yes", "--overwrite")

    assert refused.code == 4
    assert refused.err.splitlines() == [
        "looking at 3 hosts",
        "error: cannot apply shop: a unit was edited by somebody else",
        f"  h1  {UNIT} is edited by hand",
        (
            "next: clusterctl diff shows what it was; what is to stay belongs in the playbook; then the same command with --overwrite. "
            "Nothing was changed."
        ),
    ]
    assert untouched
    assert mended.code == 0
    assert "(the unit file was edited or cut by hand)" in mended.out
    assert desk.run("status").code == 0


def keep_for(desk: Desk, **fields: object) -> None:
    """Have h2 hold a manifest whose service has more fields than this release knows."""
    body = json.loads(desk.cluster.hosts["h2"].manifests["shop"])["manifest"]
    body["services"]["web"] |= fields
    desk.cluster.hosts["h2"].manifests["shop"] = canonical(
        {"manifest": body, "digest": digest(canonical(body))}
    )


@pytest.mark.parametrize(
    "verb",
    [
        ("apply", "shop.yaml"),
        ("delete", "shop"),
        ("scale", "shop/web=3"),
        ("drain", "h1"),
        ("drain", "h2"),
        ("rebalance",),
    ],
)
def test_what_a_newer_release_wrote_is_refused_and_stays(desk: Desk, verb: tuple[str, ...]) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    keep_for(desk, teleport=True)
    effects, held = desk.cluster.effects, desk.cluster.hosts["h2"].manifests["shop"]

    ran = desk.run(*verb, "--yes")

    assert ran.code == 4
    assert ran.err.splitlines()[-2:] == [
        "  h2  its manifest of shop cannot be read: Service has no field teleport",
        "next: use the newest clusterctl that anybody uses for this cluster. Nothing was changed.",
    ]
    assert " a newer clusterctl was at work, and this one would drop what it wrote" in ran.err
    assert (desk.cluster.effects, desk.cluster.hosts["h2"].manifests["shop"]) == (effects, held)


def test_status_names_the_manifest_of_a_newer_release(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    keep_for(desk, teleport=True)

    ran = desk.run("status")

    assert ran.code == 1
    assert " ".join(ran.out.splitlines()[-1].split()) == (
        "h2 newer the manifest of shop cannot be read: Service has no field teleport use the clusterctl that wrote it"
    )


def test_a_manifest_with_all_fields_of_the_release_before_is_left_as_it_is(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    keep_for(desk, replicas=2, user="", init=False, cap_add=[], read_only=False, stop_grace_period_s=10.0)

    ran = desk.run("apply", "shop.yaml", "--yes", "--detailed-exitcode")

    assert (ran.code, desk.run("status").code) == (0, 0)
    assert '"cap_add":[]' in desk.cluster.hosts["h2"].manifests["shop"]


def test_scale_names_the_apply_that_mends_it(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)

    ran = desk.run("scale", "shop/web=3", "--yes")

    assert ran.code == 4
    assert ran.err.splitlines()[-1] == (
        "next: clusterctl diff shows what it was; what is to stay belongs in the playbook; then an apply of the project with --overwrite. "
        "Nothing was changed."
    )


def test_delete_of_an_edited_unit_needs_overwrite(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    edit(desk)

    refused = desk.run("delete", "shop", "--yes")
    removed = desk.run("delete", "shop", "--yes", "--overwrite")

    assert (refused.code, removed.code) == (4, 0)
    assert desk.cluster.hosts["h1"].files == {}


def test_dry_runs_of_other_verbs_know_the_detailed_exit_code_too(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")

    pending = desk.run("delete", "shop", "--dry-run", "--detailed-exitcode")
    nothing = desk.run("rollback", "shop", "--to", "1", "--dry-run", "--detailed-exitcode")
    refused = desk.run("rollback", "shop", "--to", "9", "--dry-run", "--detailed-exitcode")

    assert (pending.code, nothing.code, refused.code) == (3, 0, 4)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("cordon", "h1"), 3),
        (("uncordon", "h1"), 0),
        (("drain", "h1"), 3),
        (("reboot", "h1"), 3),
        (("reboot", "h1", "--if-needed"), 0),
        (("rebalance",), 0),
        (("restart", "web"), 3),
        (("move", "shop-web-1", "h3"), 3),
        (("move", "shop-web-1", "h1"), 0),
        (("scale", "web=2"), 0),
        (("scale", "web=9000"), 3),
        (("move", "shop-web-1", "h9"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_detailed_exit_code_of_every_verb(desk: Desk, words: tuple[str, ...], code: int) -> None:
    """0 nothing to do, 3 something would change, 2 wrong input; without the option 0."""
    desk.run("apply", "shop.yaml", "--yes")
    effects = desk.cluster.effects

    detailed, plain = desk.run(*words, "--dry-run", "--detailed-exitcode"), desk.run(*words, "--dry-run")

    assert (detailed.code, plain.code) == (code, 0 if code == 3 else code)
    assert desk.cluster.effects == effects
