"""Whatever playbook is read can be written: units that systemd reads back to the very words, env files that docker reads."""

from __future__ import annotations

from contextlib import suppress

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterctl.errors import InputError
from clusterctl.model.inventory import Policy
from clusterctl.model.placement import Instance
from clusterctl.model.service import Project, Service
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.planning.container import docker_run
from clusterctl.planning.spec import render_environment, spec_digest
from clusterctl.planning.unit import render_unit
from clusterctl.planning.unit_header import Header, is_intact, parse_header
from tests.parsing.mutations import damaged
from tests.planning.exec_line import read_exec_line

PINNED = "nginx@sha256:" + "0" * 64


def read(text: str) -> Project | None:
    """Return the project of a playbook, if it is one."""
    with suppress(InputError):
        return parse_playbook(text, "f", read_file=lambda _: "A=1\n", policy=Policy())
    return None


def header(project: str, service: Service, spec: str) -> Header:
    return Header("lab", project, service.name, 1, 1, spec, service.image, PINNED)


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.text(
    st.sampled_from("%$'\"\\; \n\r\t{}xun01-@:+!|#\ufffe\ufdd0\x85\u2028"), max_size=12
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
LINES = WORDS.map(lambda word: word.replace("\n", "").replace("\r", ""))


@st.composite
def playbooks(draw: st.DrawFn) -> str:
    """Draw a playbook whose words and values are anything that can be written."""
    service = {
        "image": "nginx:1",
        "command": draw(st.lists(WORDS, max_size=5)),
        "entrypoint": draw(st.lists(WORDS, min_size=1, max_size=3)),
        "environment": draw(st.dictionaries(NAMES, LINES, max_size=4)),
        "labels": draw(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), LINES, max_size=3)),
        "healthcheck": {"test": ["CMD", *draw(st.lists(WORDS, min_size=1, max_size=3))], "interval": "1s"},
    }
    text: str = yaml.safe_dump({"name": "p", "services": {"web": service}})
    return text.replace("$", "$$")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged() | playbooks())
def test_whatever_is_read_can_be_written_and_read_back(text: str) -> None:
    project = read(text)

    for service in project.services if project else ():
        spec = spec_digest(project.name, service, PINNED) if project else ""
        instance = Instance(project.name if project else "", service.name, 1)
        unit = render_unit(service, header(instance.project, service, spec))

        lines = unit.encode().decode().split("\n")
        starts = [line for line in lines if line.startswith("ExecStart=")]
        words = docker_run(service, PINNED, instance, spec, f"/run/clusterctl-{instance.name}.cid")
        assert [read_exec_line(line.removeprefix("ExecStart=")) for line in starts] == [words]
        assert is_intact(unit)
        assert parse_header(unit) == header(instance.project, service, spec)
        entries = dict(line.partition("=")[::2] for line in render_environment(service).split("\n") if line)
        assert entries == dict(service.environment)
