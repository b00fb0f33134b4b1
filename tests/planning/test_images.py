from __future__ import annotations

import pytest

from clusterctl.model.plan import Blocked
from clusterctl.model.snapshot import HostFacts, ImageFact, Resolved
from clusterctl.planning.images import holds_image, pin_images, repository
from clusterctl.planning.observed import observe_units
from tests.builders import DIGEST, PINNED, a_project, a_service, a_snapshot, an_inventory, digest_of, facts_of
from tests.fake_cluster import FakeCluster
from tests.planning.worlds import apply

WEB = "registry:5000/web:1"
OTHER = "sha256:" + "2" * 64
REFUSED = "dial tcp 10.0.0.9:5000: connect: connection refused"


def answering(host: str, digest: str = "", error: str = "", *images: ImageFact) -> HostFacts:
    return facts_of(host, resolved={WEB: Resolved(digest, error)}, images=images)


def test_an_image_is_pinned_by_the_digest_the_registry_gives() -> None:
    pins = pin_images(a_project(), a_snapshot("h1"), ())

    assert (pins.pinned, pins.blocked, pins.notes) == ({"web": PINNED}, (), ())


def test_the_first_host_by_name_decides_while_somebody_pushes() -> None:
    snapshot = a_snapshot(answering("h10", OTHER), answering("h9", "", REFUSED), answering("h2", DIGEST))

    assert pin_images(a_project(), snapshot, ()).pinned == {"web": PINNED}


def test_a_digest_in_the_playbook_needs_no_registry() -> None:
    project = a_project(a_service(image=f"registry:5000/web:1@{OTHER}"))

    assert pin_images(project, a_snapshot(facts_of("h1")), ()).pinned == {"web": f"registry:5000/web@{OTHER}"}


def test_without_a_registry_the_digest_in_use_serves() -> None:
    cluster = FakeCluster(an_inventory(["h1"]))
    apply(cluster, a_project())
    units = observe_units(cluster.see(), "test")

    pins = pin_images(a_project(), a_snapshot(answering("h1", "", REFUSED)), units)

    assert pins.pinned == {"web": f"registry:5000/web@{digest_of(WEB)}"}
    assert pins.notes == (
        f"{WEB}: the registry did not answer ({REFUSED}); the digest known to the hosts is used",
    )


def test_without_a_registry_the_digest_a_host_holds_under_the_tag_serves() -> None:
    held = ImageFact("sha256:" + "9" * 64, "registry:5000/web", "1", OTHER)

    pins = pin_images(a_project(), a_snapshot(answering("h1", "", REFUSED, held)), ())

    assert pins.pinned == {"web": f"registry:5000/web@{OTHER}"}


@pytest.mark.parametrize("error", ["manifest unknown: registry:5000/web:1", "not found", "access denied"])
def test_a_tag_the_registry_does_not_have_blocks_although_a_host_holds_it(error: str) -> None:
    held = ImageFact("sha256:" + "9" * 64, "registry:5000/web", "1", OTHER)

    pins = pin_images(a_project(), a_snapshot(answering("h1", "", error, held)), ())

    assert pins.blocked == (Blocked("image", "", f"image {WEB} of service web: {error}"),)


def test_an_image_nobody_knows_blocks() -> None:
    assert pin_images(a_project(), a_snapshot(answering("h1", "", REFUSED)), ()).blocked == (
        Blocked("image", "", f"image {WEB} of service web: {REFUSED}"),
    )
    assert pin_images(a_project(), a_snapshot(facts_of("h1")), ()).blocked == (
        Blocked("image", "", f"image {WEB} of service web: no host could ask the registry"),
    )


def test_a_digest_that_is_none_is_not_believed() -> None:
    snapshot = a_snapshot(answering("h1", "sha256:$(reboot)"), answering("h2", DIGEST))

    assert pin_images(a_project(), snapshot, ()).pinned == {"web": PINNED}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "nginx"),
        ("nginx:1.27", "nginx"),
        ("registry:5000/shop/web:1", "registry:5000/shop/web"),
        ("registry:5000/web", "registry:5000/web"),
        (f"registry:5000/web:1@{DIGEST}", "registry:5000/web"),
    ],
)
def test_a_repository_has_neither_tag_nor_digest(image: str, name: str) -> None:
    assert repository(image) == name


def test_a_host_holds_an_image_under_the_same_name_and_digest() -> None:
    held = ImageFact("sha256:" + "9" * 64, "registry:5000/web", "", DIGEST)
    snapshot = a_snapshot(facts_of("h1", images=(held,)), facts_of("h2", images=None))

    assert holds_image(PINNED, snapshot, "h1")
    assert not holds_image(PINNED[:-1] + "2", snapshot, "h1")
    assert not holds_image(PINNED, snapshot, "h2")
    assert not holds_image(PINNED, snapshot, "h3")
