"""`plan --out FILE` and `apply FILE`: exactly that plan, or a refusal that says what has changed, host by host."""

from __future__ import annotations

import stat
from collections.abc import Callable

import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.planning.sealed import seal
from tests.cli.conftest import INVENTORY, PLAYBOOK, Desk

UNIT = "clusterctl-shop-web-1.service"
FILE = "shop.plan"


def keep(desk: Desk, *words: str) -> None:
    """Have two instances run, and keep the plan that gives them another image."""
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("web:1", "web:2"))
    assert desk.run("plan", "shop.yaml", "--out", FILE, *words).code == 0


def test_the_file_is_private_and_says_how_to_go_on(desk: Desk) -> None:
    ran = desk.run("plan", "shop.yaml", "--out", FILE)

    assert stat.S_IMODE((desk.folder / FILE).stat().st_mode) == 0o600
    assert ran.out.splitlines()[0] == "apply shop, generation 1"
    assert ran.err.splitlines()[-1] == (
        "the plan is in shop.plan, mode 0600: it holds environment values; to carry it out: clusterctl apply shop.plan"
    )


def test_no_value_of_an_environment_can_be_read_in_it_at_a_glance(desk: Desk) -> None:
    desk.run("plan", "shop.yaml", "--out", FILE)

    assert "s3cret" not in (desk.folder / FILE).read_text()


def test_it_is_carried_out_without_the_playbook(desk: Desk) -> None:
    keep(desk)
    (desk.folder / "shop.yaml").unlink()

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 0
    assert ran.err.splitlines()[0].startswith("the plan of 20")
    assert ran.out.splitlines()[-1] == "apply shop: done: 2 replaced, 0 unchanged"


def test_done_once_there_is_nothing_left_to_do(desk: Desk) -> None:
    keep(desk)
    desk.run("apply", FILE, "--yes")

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "shop: nothing to change (2 instances)"


def test_a_dry_run_shows_it_and_changes_nothing(desk: Desk) -> None:
    keep(desk)
    effects = desk.cluster.effects

    ran = desk.run("apply", FILE, "--dry-run", "--detailed-exitcode")

    assert ran.code == 3
    assert "  ~ replace shop-web-1  on h1  (changed: image)" in ran.out.splitlines()
    assert desk.cluster.effects == effects


def test_what_is_refused_is_told_whole(desk: Desk) -> None:
    keep(desk)
    host = desk.cluster.hosts["h1"]
    host.files.clear()
    host.containers.clear()
    host.env["shop-web-1"] = "TOKEN=other\n"
    effects = desk.cluster.effects

    ran = desk.run("apply", FILE, "--yes")

    by = ran.err.splitlines()[0].removeprefix("the plan of ")
    assert ran.code == 4
    assert ran.err.splitlines()[2:] == [
        f"error: cannot apply shop.plan: the plan of {by} does not hold any more",
        "  h1  the env file of shop-web-1 is another one now",
        "  h1  clusterctl-shop-web-1.service is gone",
        "next: make a new plan with clusterctl plan PLAYBOOK --out shop.plan. Nothing was changed.",
    ]
    assert desk.cluster.effects == effects


def _move_the_tag(desk: Desk) -> None:
    desk.cluster.registry["registry:5000/web:2"] = "sha256:" + "9" * 64


def _cordon(desk: Desk) -> None:
    for name in ("h1", "h2"):
        desk.cluster.hosts[name].markers["cordoned"] = "maintenance"
    desk.cluster.hosts["h1"].files.clear()
    desk.cluster.hosts["h1"].containers.clear()


def _apply_something_else(desk: Desk) -> None:
    desk.run("scale", "shop/web=3", "--yes")


def _add_a_host(desk: Desk) -> None:
    desk.write("inventory.yaml", INVENTORY.replace("h[1-3]", "h[1-2]"))
    desk.cluster.hosts["h1"].files.clear()
    desk.cluster.hosts["h1"].containers.clear()


def _fail(desk: Desk) -> None:
    desk.cluster.hosts["h1"].files.clear()
    desk.cluster.hosts["h2"].active["clusterctl-shop-web-2.service"] = "failed"


def _pull(desk: Desk) -> None:
    image = "registry:5000/web@" + desk.cluster.registry["registry:5000/web:2"]
    desk.cluster.hosts["h2"].images.add(image)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_move_the_tag, "  h[1-3]  the registry has another image for registry:5000/web:2 now"),
        (_cordon, "  h[1-2]  is cordoned now: maintenance"),
        (_cordon, f"  h1  {UNIT} is gone"),
        (_apply_something_else, "  h3  clusterctl-shop-web-3.service is there now"),
        (_add_a_host, "  h3  is not looked at now"),
        (_add_a_host, "  the inventory is another one now"),
        (_fail, "  h2  clusterctl-shop-web-2.service is failed"),
        (_pull, "  h2  image registry:5000/web@"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_each_change_is_named_with_its_hosts(desk: Desk, harm: Callable[[Desk], None], words: str) -> None:
    keep(desk)
    harm(desk)

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 4
    assert [line for line in ran.err.splitlines() if line.startswith(words)]


def test_what_has_changed_and_does_not_matter_is_no_reason_to_refuse(desk: Desk) -> None:
    keep(desk)
    desk.cluster.hosts["h3"].add_foreign_unit("clusterctl-backup.service")

    assert desk.run("apply", FILE, "--yes").code == 0


def test_what_changes_between_the_look_and_the_lock_is_refused_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(desk)
    look, seen = desk.cluster.look, []

    def look_and_meddle(hosts: object, request: object) -> object:
        found = look(hosts, request)  # type: ignore[arg-type]
        seen.append(found)
        if len(seen) == 1:
            desk.cluster.hosts["h1"].env["shop-web-1"] = "TOKEN=other\n"
            desk.cluster.hosts["h1"].files.clear()
            desk.cluster.hosts["h1"].containers.clear()
        return found

    monkeypatch.setattr(desk.cluster, "look", look_and_meddle)
    effects = desk.cluster.effects

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 4
    assert "  h1  the env file of shop-web-1 is another one now" in ran.err.splitlines()
    assert desk.cluster.effects == effects


def test_a_host_that_does_not_answer_any_more_is_told_as_ever(desk: Desk) -> None:
    keep(desk)
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "no answer in 10 s")

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 1
    assert "error: cannot apply shop: what runs on some hosts is unknown" in ran.err.splitlines()


def test_hosts_that_were_ignored_stay_ignored(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    desk.write("shop.yaml", PLAYBOOK.replace("web:1", "web:2"))
    desk.cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "no answer in 10 s")
    desk.run("plan", "shop.yaml", "--out", FILE, "--ignore-host", "h2")

    other = desk.run("apply", FILE, "--yes", "--ignore-host", "h3")
    ran = desk.run("apply", FILE, "--yes")

    assert (other.code, ran.code) == (2, 0)
    assert other.err.splitlines()[-2:] == [
        "error: the plan was made without h2",
        "next: leave out --ignore-host: it is part of the plan. Nothing was contacted.",
    ]


def test_overwrite_is_part_of_the_plan(desk: Desk) -> None:
    keep(desk)
    host = desk.cluster.hosts["h1"]
    host.files[UNIT] = host.files[UNIT].replace("Restart=always", "Restart=no")

    refused = desk.run("apply", FILE, "--yes", "--overwrite")
    desk.run("plan", "shop.yaml", "--out", FILE, "--overwrite")
    ran = desk.run("apply", FILE, "--yes")

    assert (refused.code, ran.code) == (2, 0)
    assert refused.err.splitlines()[-2:] == [
        "error: --overwrite does not go with a plan file: what is done is in it",
        "next: make another plan with it: clusterctl plan PLAYBOOK --out FILE. Nothing was contacted.",
    ]


def test_the_plan_of_another_cluster_is_refused_before_any_connection(desk: Desk) -> None:
    keep(desk)
    desk.write("inventory.yaml", INVENTORY.replace("cluster: test", "cluster: other"))
    looks = len(desk.cluster.looks)

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 4
    assert ran.err.splitlines() == [
        "error: shop.plan is a plan for cluster test, and the inventory is that of other",
        "next: give the inventory of test with -i FILE. Nothing was contacted.",
    ]
    assert len(desk.cluster.looks) == looks


def _edit_the_head(text: str) -> str:
    return text.replace('"cluster":"test"', '"cluster":"prod"')


def _edit_the_body(text: str) -> str:
    head, _, body = text.partition("\n")
    return f"{head}\n{'A' if body[0] != 'A' else 'B'}{body[1:]}"


def _tear(text: str) -> str:
    return text[: len(text) * 2 // 3]


def _tear_off_the_body(text: str) -> str:
    return text.partition("\n")[0]


def _age(text: str) -> str:
    head, _, body = text.partition("\n")
    return f"{seal(head.rpartition(' ')[0].replace('clusterctl/v1', 'clusterctl/v0'))}\n{body}"


def _from_the_future(text: str) -> str:
    head, _, body = text.partition("\n")
    newer = head.rpartition(" ")[0].replace('"ignored":', '"unknown":1,"ignored":')
    return f"{seal(newer)}\n{body}"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_edit_the_head, "it was edited, or is not whole"),
        (_edit_the_body, "it was edited, or is not whole"),
        (_tear, "it was edited, or is not whole"),
        (_tear_off_the_body, "it was edited, or is not whole"),
        (_age, "it is of format clusterctl/v0, and this release reads clusterctl/v1"),
        (_from_the_future, "it is of another release of clusterctl"),
    ],
)
def test_a_damaged_plan_is_refused_before_any_connection(
    desk: Desk, damage: Callable[[str], str], why: str
) -> None:
    keep(desk)
    file = desk.folder / FILE
    file.write_text(damage(file.read_text()))
    looks = len(desk.cluster.looks)

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 2
    assert ran.err.splitlines() == [
        f"error: shop.plan: this plan cannot be used: {why}",
        "next: make it anew with clusterctl plan PLAYBOOK --out shop.plan. Nothing was contacted.",
    ]
    assert len(desk.cluster.looks) == looks


def test_no_edited_byte_goes_unnoticed(desk: Desk) -> None:
    desk.run("plan", "shop.yaml", "--out", FILE)
    file = desk.folder / FILE
    whole = file.read_bytes()
    looks = len(desk.cluster.looks)

    codes = set()
    for position in range(0, len(whole) - 1, 13):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        codes.add(desk.run("apply", FILE, "--yes").code)

    assert codes == {2}
    assert len(desk.cluster.looks) == looks


def test_a_plan_that_others_can_read_is_told(desk: Desk) -> None:
    keep(desk)
    (desk.folder / FILE).chmod(0o644)

    ran = desk.run("apply", FILE, "--yes")

    assert ran.code == 0
    assert ran.err.splitlines()[0] == (
        "note: others can read shop.plan (mode 0644), and it holds environment values: chmod 600 shop.plan"
    )


def test_a_plan_that_cannot_be_carried_out_is_not_kept(desk: Desk) -> None:
    desk.write(
        "shop.yaml", PLAYBOOK.replace("replicas: 2", "placement: {constraints: [node.labels.zone == z]}")
    )

    ran = desk.run("plan", "shop.yaml", "--out", FILE)

    assert ran.code == 4
    assert not (desk.folder / FILE).exists()


def test_a_folder_that_is_not_there(desk: Desk) -> None:
    ran = desk.run("plan", "shop.yaml", "--out", "no/such/shop.plan")

    assert ran.code == 2
    assert ran.err.splitlines()[-2:] == [
        "error: cannot write the plan to no/such/shop.plan: No such file or directory",
        "next: check the path. No host was changed.",
    ]


def test_a_run_that_was_interrupted_is_named(desk: Desk) -> None:
    keep(desk)
    for host in desk.cluster.hosts.values():
        host.runs.clear()  # without a lock runs of one second have no order
    desk.cluster.broken_images.add("registry:5000/web:2")
    first = desk.run("apply", FILE, "--yes")
    desk.cluster.hosts["h1"].env["shop-web-1"] = "TOKEN=other\n"

    ran = desk.run("apply", FILE, "--yes")

    run = next(line for line in first.out.splitlines() if line.startswith("run ")).removeprefix("run ")
    assert (first.code, ran.code) == (1, 4)
    assert ran.err.splitlines()[-1] == (
        f"next: clusterctl resume {run} goes on with what was interrupted; "
        "else make a new plan with clusterctl plan PLAYBOOK --out shop.plan. Nothing was changed."
    )
