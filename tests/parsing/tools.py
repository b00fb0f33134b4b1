"""Short ways to parse in tests, and to see the mistakes as a person would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from textwrap import dedent

import pytest

from clusterctl.errors import InputError
from clusterctl.model.intent import PlaybookStep, StepsIntent
from clusterctl.model.inventory import Inventory, Policy
from clusterctl.model.service import Project, Service
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.parsing.inventory.file import Reading, parse_inventory, read_inventory
from clusterctl.parsing.outside import Outside
from clusterctl.parsing.steps.intent import parse_steps_playbook


def inventory(text: str) -> Inventory:
    """Parse an inventory."""
    return parse_inventory(dedent(text).lstrip("\n"), "inventory.yaml")


def playbook(text: str, *, files: Mapping[str, str] | None = None, policy: Policy | None = None) -> Project:
    """Parse a playbook whose env files are those given."""

    def read_file(path: str) -> str:
        if path not in (files or {}):
            raise FileNotFoundError(path)
        return (files or {})[path]

    return parse_playbook(
        dedent(text).lstrip("\n"),
        "shop.yaml",
        read_file=read_file,
        policy=policy or Policy(),
        default_name="shop",
    )


def service(keys: str, *, files: Mapping[str, str] | None = None, policy: Policy | None = None) -> Service:
    """Parse the one service of a playbook; `keys` is a flow mapping's inside."""
    return playbook(_one_service(keys), files=files, policy=policy).services[0]


def _one_service(keys: str) -> str:
    return f"services: {{web: {{image: nginx, {keys}}}}}\nvolumes: {{data: }}\n"


def steps(
    text: str, *, files: Mapping[str, str | bytes] | None = None, hosts: str | None = None
) -> StepsIntent:
    """Parse the steps of a playbook for three hosts, with the files given beside it."""

    def read_file(path: str) -> str | bytes:
        if path not in (files or {}):
            raise FileNotFoundError(path)
        return (files or {})[path]

    fleet = inventory("{cluster: lab, hosts: {'h[1-3]': {labels: {zone: a}}}}")
    return parse_steps_playbook(
        dedent(text).lstrip("\n"), "ops/site.yaml", inventory=fleet, read_file=read_file, hosts=hosts
    )


def step(text: str, *, files: Mapping[str, str | bytes] | None = None) -> PlaybookStep:
    """Parse one step, given as the inside of a flow mapping."""
    return steps(f"steps: [{{{text}}}]\n", files=files).steps[0]


def step_mistakes(text: str, *, files: Mapping[str, str | bytes] | None = None) -> list[str]:
    """Return the mistakes of one step, without file and the step's own path."""
    found = mistakes(lambda: step(text, files=files))
    return [line.removeprefix("ops/site.yaml:1: steps[0]").lstrip(".: ") for line in found]


def mistakes(parse: Callable[[], object]) -> list[str]:
    """Return every mistake, one per line, as it is shown."""
    with pytest.raises(InputError) as caught:
        parse()
    return [str(mistake) for mistake in caught.value.mistakes]


def service_mistakes(keys: str, *, policy: Policy | None = None) -> list[str]:
    """Return the mistakes of one service, without file and the service's own path."""
    found = mistakes(lambda: playbook(_one_service(keys), policy=policy))
    return [text.removeprefix("shop.yaml:1: services.web.") for text in found]


def inventory_mistakes(text: str) -> list[str]:
    """Return the mistakes of an inventory."""
    return mistakes(lambda: inventory(text))


def merged(
    text: str, *, files: Mapping[str, str] | None = None, programs: Mapping[str, str] | None = None
) -> Reading:
    """Read an inventory whose sources are these files, and programs that print these texts."""
    return read_inventory(dedent(text).lstrip("\n"), "inventory.yaml", outside(files or {}, programs or {}))


def outside(files: Mapping[str, str], programs: Mapping[str, str]) -> Outside:
    """Return a machine that has these files and programs only; `ana` is logged in."""
    texts = {name: dedent(text).lstrip("\n") for name, text in files.items()}

    def read(path: str) -> bytes:
        if path not in texts:
            raise FileNotFoundError(2, "No such file or directory")
        return texts[path].encode()

    def run(argv: Sequence[str], folder: str) -> str:
        command = " ".join(argv) if folder == "." else f"{' '.join(argv)} in {folder}"
        if command not in programs:
            raise OSError("exit code 1: it is not there")
        return programs[command]

    def glob(pattern: str) -> Sequence[str]:
        return sorted(
            name for name in texts if fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")
        )

    names = {command.split(" ")[0].removeprefix("./") for command in programs}
    return Outside(read, glob, run, lambda path: path.removeprefix("./") in names, "/home/ana", "ana")


def hosts_of(reading: Reading) -> dict[str, str]:
    """Return how each host is reached: `user@address:port via hop,hop`."""
    found = {}
    for host in reading.inventory.hosts:
        via = ",".join(f"{hop.user}@{hop.address}:{hop.port}" for hop in host.jumps)
        found[host.name] = f"{host.user}@{host.address}:{host.port}{f' via {via}' if via else ''}"
    return found


def ssh_of(reading: Reading, name: str) -> dict[str, object]:
    """Return the ssh options that sources give a host, as they are written."""
    (found,) = [described for names, described in reading.origins if name in names]
    return {
        key: [item.text for item in place.value.items] if place.value.kind == "list" else place.value.text
        for key, place in found.ssh.items()
    }


def merged_mistakes(
    text: str, *, files: Mapping[str, str] | None = None, programs: Mapping[str, str] | None = None
) -> list[str]:
    """Return the mistakes of an inventory with sources."""
    return mistakes(lambda: merged(text, files=files, programs=programs))


def ssh_config_mistakes(config: str) -> list[str]:
    """Return the mistakes of an ssh_config that is a source."""
    return merged_mistakes("{cluster: lab, sources: [{ssh_config: config}]}", files={"config": config})
