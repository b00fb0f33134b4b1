from __future__ import annotations

import dataclasses
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clusterctl.model.plan import FieldChange
from clusterctl.model.service import Port, Service
from clusterctl.planning.diff import diff_service
from clusterctl.planning.spec import canonical
from tests.builders import PINNED, a_service


def kept(service: Service) -> dict[str, Any]:
    """Return a service as the manifest keeps it."""
    found: dict[str, Any] = json.loads(canonical(dataclasses.asdict(service)))
    return found


def test_what_did_not_change_is_not_shown() -> None:
    assert diff_service(kept(a_service()), a_service(), PINNED, PINNED) == ()


def test_fields_of_the_container_are_shown_before_and_after() -> None:
    old, new = a_service(), a_service(image="registry:5000/web:2", replicas=3, command=("serve", "-v"))

    assert diff_service(kept(old), new, PINNED, PINNED) == (
        FieldChange("command", "none", '["serve","-v"]'),
        FieldChange("image", "registry:5000/web:1", "registry:5000/web:2"),
    )


def test_a_tag_that_moved_is_shown_by_its_digests() -> None:
    changes = diff_service(kept(a_service()), a_service(), PINNED, "registry:5000/web@sha256:" + "2" * 64)

    assert changes == (FieldChange("image digest", "sha256:111111111111", "sha256:222222222222"),)


def test_the_environment_is_shown_by_names_only() -> None:
    old = a_service(environment={"GONE": "s3cret-a", "SAME": "s3cret-b", "KEY": "s3cret-c"})
    new = a_service(environment={"SAME": "s3cret-b", "KEY": "s3cret-d", "NEW": "s3cret-e"})

    assert diff_service(kept(old), new, PINNED, PINNED) == (
        FieldChange("environment", "", "+NEW -GONE ~KEY"),
    )


secrets = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]), st.text("0123456789", min_size=8).map(lambda text: f"secret{text}")
)


@given(secrets, secrets)
def test_no_value_of_the_environment_ever_appears(old: dict[str, str], new: dict[str, str]) -> None:
    """I9. Caught: `_field` without its branch for the environment."""
    changes = diff_service(kept(a_service(environment=old)), a_service(environment=new), PINNED, PINNED)

    assert "secret" not in repr(changes)


def test_long_values_are_cut() -> None:
    ports = tuple(Port(number, number) for number in range(1, 20))

    change = diff_service(kept(a_service()), a_service(ports=ports), PINNED, PINNED)[0]

    assert len(change.new) == 60
    assert change.new.endswith("…")


def test_a_service_the_manifest_does_not_know_has_no_diff() -> None:
    assert diff_service(None, a_service(), "", PINNED) == ()
