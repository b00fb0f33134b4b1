"""What package managers print, as facts: each case is a recorded answer and what it means."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from clusterctl.remote.answer import BadAnswerError
from clusterctl.remote.frame import Section
from clusterctl.remote.packages import DRIVERS, parse_packages

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_recorded_answer_is_read_as_expected(path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))

    facts = parse_packages(
        {name: Section(text.encode(), rc) for name, (rc, text) in case["sections"].items()}
    )

    found = json.loads(json.dumps(asdict(facts)))
    found["pending"] = [
        [each["name"], each["old"], each["new"], each["security"]] for each in found["pending"]
    ]
    assert found == case["expected"]


def test_every_driver_has_a_recorded_case() -> None:
    seen = {json.loads(path.read_text("utf-8"))["expected"]["driver"] for path in CASES}

    assert seen - {""} == set(DRIVERS)


def test_only_apt_is_said_to_be_tested_on_real_hosts() -> None:
    assert [name for name, driver in DRIVERS.items() if driver.tested] == ["apt"]


@pytest.mark.parametrize(
    ("driver", "section", "text"),
    [
        ("apt", "packages.pending", "Inst torn [1"),
        ("zypper", "packages.pending", "<stream><update"),
        ("zypper", "packages.pending", '<!DOCTYPE x [<!ENTITY a "b">]><stream/>'),
        ("rpm-ostree", "packages.status", "{"),
        ("rpm-ostree", "packages.status", "[]"),
        ("bootc", "packages.status", '{"status": null}'),
        (
            "flatcar",
            "packages.status",
            "CURRENT_OP=UPDATE_STATUS_UPDATED_NEED_REBOOT\nNEW_VERSION=$(reboot)\n",
        ),
    ],
)
def test_an_answer_that_makes_no_sense_leaves_its_reason_and_nothing_pending(
    driver: str, section: str, text: str
) -> None:
    sections = {"packages.driver": Section(driver.encode(), 0), section: Section(text.encode(), 0)}

    facts = parse_packages(sections)

    assert facts.error.startswith(f"{driver}: the answer is not understood")
    assert facts.pending == ()


def test_an_answer_without_its_first_section_cannot_be_true() -> None:
    with pytest.raises(BadAnswerError, match=r"section packages\.driver is missing"):
        parse_packages({})
