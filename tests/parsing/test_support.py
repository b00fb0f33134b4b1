"""The support matrix is what the parser does."""

from __future__ import annotations

import pytest

from clusterctl.parsing.compose.keys import SUPPORTED
from clusterctl.parsing.compose.known import KNOWN, NOT_YET, REFUSED
from clusterctl.parsing.compose.support import support_matrix
from tests.parsing.tools import mistakes, playbook


def test_the_matrix_has_a_line_for_every_key() -> None:
    lines = support_matrix().splitlines()

    assert lines[:2] == ["| key | status | note |", "| --- | --- | --- |"]
    assert "| `services.*.deploy.replicas` | supported | 0 to 10000 |" in lines
    assert "| `services.*.umask` | not yet |  |" in lines
    assert "| `services.*.deploy.update_config.delay` | supported | between two groups |" in lines
    assert "| `services.*.scale` | refused | use deploy.replicas |" in lines
    assert len(lines) == 3 + len(SUPPORTED) + len(NOT_YET) + len(REFUSED)


def test_no_key_is_both_supported_and_not() -> None:
    assert not set(SUPPORTED) & set(KNOWN)
    assert not set(NOT_YET) & set(REFUSED)


def test_every_section_named_in_a_path_is_a_key_itself() -> None:
    sections = {
        path.rpartition(".")[0].removesuffix("[]").removesuffix(".*") for path in {**SUPPORTED, **KNOWN}
    }

    assert sections - {""} <= set(SUPPORTED)


@pytest.mark.parametrize(
    "key",
    [
        path.removeprefix("services.*.")
        for path in KNOWN
        if path.count(".") == 2 and path.startswith("services")
    ],
)
def test_a_key_of_a_service_that_is_not_supported_is_named(key: str) -> None:
    """Row 12."""
    found = mistakes(lambda: playbook(f"services: {{web: {{image: nginx, {key}: x}}}}\n"))

    assert found == [f'shop.yaml:1: services.web: "{key}" is {KNOWN[f"services.*.{key}"]}']
