"""The parts of a look that docker tells: docker-inspect(1), docker-image-ls(1). The registry is in `facts_registry`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterctl.model.snapshot import ContainerFact, ImageFact, PortUse, Resolved
from clusterctl.remote.answer import BadAnswerError, strict_json
from clusterctl.remote.facts_registry import parse_registry
from clusterctl.remote.frame import TIMED_OUT, Section
from clusterctl.remote.text import first_line

Sections = Mapping[str, Section]

MAX_ITEMS = 20_000
LONGEST_SAID = 200
# xargs(1): one of the inspected is gone meanwhile, the others are told.
SOME_GONE = 123

_ID = re.compile(r"[0-9a-f]{64}")
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_NAME = re.compile(r"/?[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_VOLUME = re.compile(r"[!-~]{1,255}")
_LABEL = re.compile(r"[0-9a-f]{16}")
_STATE = re.compile(r"[a-z]{0,20}")


@dataclass(frozen=True, slots=True)
class DockerFacts:
    """What docker said; None where it did not, with the reason in `error`."""

    version: str = ""
    error: str = ""
    containers: tuple[ContainerFact, ...] | None = None
    images: tuple[ImageFact, ...] | None = None
    volumes: tuple[str, ...] | None = None
    networks: Mapping[str, str] | None = None
    resolved: Mapping[str, Resolved] = field(default_factory=dict)


def parse_docker(sections: Sections) -> DockerFacts:
    """Return docker's facts, and what the registry said of images; raises BadAnswerError.

    `docker info` asks containerd too. Where that hangs, dockerd goes on listing containers as it last knew them, so
    their state is unknown.
    """
    # In the order in which their errors are worth telling: `docker info` explains itself worst.
    problems = {name: _problem(sections, name) for name in ("containers", "images", "volumes", "info")}
    if not problems["containers"] and sections["info"].rc in TIMED_OUT:
        problems["containers"] = "docker info did not answer within 20 s: dockerd or containerd hangs"
    version = ""
    if not problems["info"]:
        version = _version(sections["info"].text)
        problems["info"] = "" if version else _said(sections, "info")
    return DockerFacts(
        version=version,
        error=next((problem for problem in problems.values() if problem), ""),
        containers=None if problems["containers"] else _containers(sections["containers"]),
        images=None if problems["images"] else _images(sections["images"]),
        volumes=None if problems["volumes"] else _volumes(sections["volumes"]),
        networks=_networks(sections.get("networks")),
        resolved=parse_registry(sections),
    )


def _problem(sections: Sections, name: str) -> str:
    """Return why docker did not answer, in words; empty where it did."""
    if name not in sections:
        raise BadAnswerError(f"section {name} is missing")
    code = sections[name].rc
    if code == 0 or (code == SOME_GONE and _only_gone(sections, name)):
        return ""
    if code in TIMED_OUT:
        return "docker did not answer within 20 s"
    if code == 127:
        return "docker is not installed"
    return _said(sections, name)


def _said(sections: Sections, name: str) -> str:
    error = sections.get(f"{name}.error")
    return (error and first_line(error.body)) or "docker does not answer"


def _only_gone(sections: Sections, name: str) -> bool:
    error = sections.get(f"{name}.error")
    lines = error.text.splitlines() if error else []
    return bool(lines) and all("No such" in line for line in lines if line.strip())


def _version(text: str) -> str:
    return text.split(" ", maxsplit=1)[0].strip().strip('"')[:100]


def _objects(section: Section) -> Iterator[dict[str, Any]]:
    lines = [line for line in section.text.split("\n") if line.strip()]
    if len(lines) > MAX_ITEMS:
        raise BadAnswerError(f"docker tells of {len(lines)} items; at most {MAX_ITEMS} are read")
    for line in lines:
        item = strict_json(line)
        if not isinstance(item, dict):
            raise BadAnswerError(f"JSON object expected: {line[:60]!r}")
        yield item


def _text(item: Mapping[str, Any], key: str, pattern: re.Pattern[str] | None = None) -> str:
    value = item.get(key)
    if not isinstance(value, str) or len(value) > 4096 or (pattern and not pattern.fullmatch(value)):
        raise BadAnswerError(f"{key} of docker is {str(value)[:60]!r}")
    return value


def _containers(section: Section) -> tuple[ContainerFact, ...]:
    return tuple(sorted((_container(item) for item in _objects(section)), key=lambda found: found.name))


def _container(item: Mapping[str, Any]) -> ContainerFact:
    state = _text(item, "state", _STATE)
    return ContainerFact(
        id=_text(item, "id", _ID),
        name=_text(item, "name", _NAME).removeprefix("/"),
        image=_text(item, "image"),
        image_id=_text(item, "image_id", _IMAGE_ID),
        state=state,
        health=_text(item, "health", _STATE),
        started_at=_text(item, "started_at")[:40],
        labels=_labels(item.get("labels")),
        check=_check(item.get("checks", [])),
        # A running container has the ports it got; another one those it will ask for.
        ports=_ports(item.get("ports") if state == "running" else item.get("bindings")),
    )


def _check(value: Any) -> str:
    """Return what the last of an unhealthy container's health checks ended with and said; empty for others."""
    checks = [one for one in value if one is not None] if isinstance(value, list) else None
    if checks == []:
        return ""
    last = checks[-1] if checks else None
    if (
        not isinstance(last, dict)
        or type(last.get("exit")) is not int
        or not isinstance(last.get("said"), str)
    ):
        raise BadAnswerError(f"health checks of docker are {str(value)[:60]!r}")
    said = first_line(" ".join(last["said"].split()), LONGEST_SAID)
    return f"exit {last['exit']}" + (f": {said}" if said else "")


def _labels(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BadAnswerError("labels of docker are no texts")
    return dict(sorted(value.items()))


def _ports(value: Any) -> tuple[PortUse, ...]:
    """Read `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": null}`."""
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise BadAnswerError("ports of docker are no object")
    found: set[PortUse] = set()
    for port, bindings in value.items():
        for binding in bindings if isinstance(bindings, list) else ():
            if not isinstance(binding, dict):
                raise BadAnswerError("a port binding of docker is no object")
            number = str(binding.get("HostPort", ""))
            if re.fullmatch(r"[0-9]{1,5}", number) and int(number) < 65536:
                found.add(
                    PortUse(int(number), port.partition("/")[2] or "tcp", str(binding.get("HostIp", "")))
                )
    return tuple(sorted(found))


def _images(section: Section) -> tuple[ImageFact, ...]:
    def known(item: Mapping[str, Any], key: str) -> str:
        value = _text(item, key)
        return "" if value == "<none>" else value

    return tuple(
        sorted(
            (
                ImageFact(
                    id=_text(item, "ID", _IMAGE_ID),
                    repository=known(item, "Repository"),
                    tag=known(item, "Tag"),
                    digest=known(item, "Digest"),
                )
                for item in _objects(section)
            ),
            key=lambda image: (image.repository, image.tag, image.id),
        )
    )


def _volumes(section: Section) -> tuple[str, ...]:
    names = section.text.split()
    if len(names) > MAX_ITEMS or not all(_VOLUME.fullmatch(name) for name in names):
        raise BadAnswerError("names of volumes are no names")
    return tuple(sorted(names))


def _networks(section: Section | None) -> dict[str, str] | None:
    """Return by name what our label says of a network, "" where it has none; None where docker did not tell."""
    if section is None or section.rc:
        return None
    lines = [line.split(" ") for line in section.text.splitlines() if line.strip()]
    if len(lines) > MAX_ITEMS or not all(_VOLUME.fullmatch(words[0]) for words in lines):
        raise BadAnswerError("names of networks are no names")
    return {words[0]: words[1] if len(words) > 1 and _LABEL.fullmatch(words[1]) else "" for words in lines}
