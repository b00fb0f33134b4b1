"""The verbs of a lab: up, down, status, fault, image, host-image. Each may be interrupted and run again.

The parts are elsewhere: `host_image`, `network`, `registry`, `hosts`, `ready`, `faults`, `service_image`.
Nothing here prints; progress goes to the `say` that the caller gives.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from clusterctl.errors import LabError
from clusterctl.lab import engine as engines
from clusterctl.lab import faults, hosts, registry, service_image, state
from clusterctl.lab.host_image import ensure_host_image, reference, remove_host_images
from clusterctl.lab.keys import make_key, read_key
from clusterctl.lab.layout import (
    LABEL,
    HostInfo,
    LabInfo,
    check_count,
    check_name,
    find_host,
    host_name,
    host_number,
)
from clusterctl.lab.network import ensure_network
from clusterctl.lab.parallel import for_each
from clusterctl.lab.ready import await_ready
from clusterctl.lab.talk import Say, phase

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

DEFAULT_NAME = "lab"


def quiet(_: str) -> None:
    """Say nothing: for callers that want no progress."""


def up(name: str = DEFAULT_NAME, count: int = 3, say: Say = quiet) -> LabInfo:
    """Make a lab whole: `count` hosts at least, all running, ready and reachable; return it.

    Hosts that are there stay; stopped, paused or cut off ones come back; more than `count` are kept.
    """
    check_name(name)
    check_count(count)
    engine = engines.connect()
    with state.exclusively(name), engines.engine_errors(f"lab {name} is not up"):
        image = ensure_host_image(engine, say)
        user_key = _user_key(engine, name)
        subnet = ensure_network(engine, name)
        site = hosts.Site(
            name, image, subnet, engines.rights_of(engine), not engines.is_local(engine), user_key
        )
        with ThreadPoolExecutor(1) as aside:
            samples = aside.submit(_samples, engine, site, say)
            _ensure_hosts(engine, site, count, say)
            samples.result()
        return _look(engine, name)


def down(name: str = DEFAULT_NAME, say: Say = quiet, *, images: bool = False) -> None:
    """Remove a lab: its containers, volumes, network and folder; with `images` the cached host image too."""
    check_name(name)
    engine = engines.connect()
    with state.exclusively(name), engines.engine_errors(f"lab {name} is not wholly removed"):
        found = hosts.containers_of(engine, name)
        for_each(lambda each: engine.api.remove_container(each["Id"], v=True, force=True), found)
        mine = {"label": f"{LABEL}={name}"}
        volumes = engine.volumes.list(filters=mine)
        for_each(lambda each: each.remove(force=True), volumes)
        networks = engine.networks.list(filters=mine)
        for network in networks:
            network.remove()
        state.remove_folder(name)
        say(f"removed {len(found)} containers, {len(volumes)} volumes, {len(networks)} network of lab {name}")
        if images:
            remove_host_images(engine)
            say("removed the cached host image")


def status(name: str = DEFAULT_NAME) -> LabInfo:
    """Return a lab as it is now; LabError that lists the labs there are if there is none of this name."""
    check_name(name)
    engine = engines.connect()
    with engines.engine_errors(f"the state of lab {name} is not known"):
        info = _look(engine, name)
    if info.hosts:
        return info
    raise LabError(
        f"there is no lab named {name}",
        details=[f"labs on this engine: {', '.join(names()) or 'none'}"],
        next_step=f"clusterctl lab up --name {name}",
    )


def names() -> tuple[str, ...]:
    """Return the names of the labs that this engine has anything of, running or not."""
    engine = engines.connect()
    with engines.engine_errors("which labs there are is not known"):
        found = engine.api.containers(all=True, filters={"label": LABEL})
    return tuple(sorted({each["Labels"][LABEL] for each in found}))


def fault(name: str, kind: str, host: str) -> str:
    """Do a fault (see `faults.FAULTS`) to a host of a lab; return what was done, as a sentence."""
    action = faults.find_fault(kind)
    info = status(name)
    engine = engines.connect()
    with engines.engine_errors(f"{kind} was not done to {host}"):
        return f"{host}: {action(engine, name, find_host(info, host))}"


def image(
    name: str, repository: str, tag: str, *, version: str, start_delay_s: int = 0, fail: str = ""
) -> str:
    """Push a service image with this behaviour to the lab's registry; return its digest."""
    status(name)
    engine = engines.connect()
    with engines.engine_errors(f"{repository}:{tag} was not pushed"):
        return service_image.build_service_image(
            engine, name, repository, tag, version=version, start_delay_s=start_delay_s, fail=fail
        )


def image_of_hosts(say: Say = quiet, *, build: bool = True) -> tuple[str, list[str]]:
    """Return the name of the image of hosts, built unless told otherwise, and the options of its `docker run`."""
    engine = engines.connect()
    with engines.engine_errors("the host image was not made"):
        name = ensure_host_image(engine, say) if build else reference()
        return name, hosts.run_options(engines.rights_of(engine))


def host_container(name: str, host: str) -> Container:
    """Return the container of a host, for tests that look from outside.

    What is run in it through the engine may set this machine's clock: look, do not touch.
    """
    info = status(name)
    return hosts.container_of(engines.connect(), name, find_host(info, host).host)


def _look(engine: DockerClient, name: str) -> LabInfo:
    return LabInfo(
        name,
        state.inventory_path(name),
        hosts.observe_hosts(engine, name),
        registry.registry_push(engine, name),
    )


def _user_key(engine: DockerClient, name: str) -> str:
    """Return the public half of the key that hosts let in, made when the lab is new."""
    path = state.make_folder(name) / state.KEY
    with suppress(FileNotFoundError):
        return read_key(path.read_bytes()).public
    if hosts.observe_hosts(engine, name):
        raise LabError(
            f"the key of lab {name} is gone from {path.parent}",
            details=["its hosts let in no other key"],
            next_step=f"clusterctl lab down --name {name}, then up again; or set CLUSTERCTL_STATE as it was",
        )
    key = make_key()
    state.write(path, key.private)
    return key.public


def _samples(engine: DockerClient, site: hosts.Site, say: Say) -> None:
    push = registry.ensure_registry(engine, site.lab, site.image, site.subnet)
    missing = service_image.missing_samples(push)
    for tag in missing:
        service_image.push_sample(engine, site.lab, tag)
    packaged = service_image.missing_packaged(push)
    for repository in packaged:
        service_image.push_packaged(engine, site.lab, repository)
    pushed = [f"hello:{{{','.join(missing)}}}"] if missing else []
    pushed += [f"{repository}:{service_image.PACKAGED_TAG}" for repository in packaged]
    if pushed:
        say(f"pushed {', '.join(pushed)} to the lab's registry")


def _ensure_hosts(engine: DockerClient, site: hosts.Site, count: int, say: Say) -> None:
    there = hosts.observe_hosts(engine, site.lab)
    for each in there:
        if each.state == "created":  # an `up` that was interrupted: it may lack its keys
            hosts.container_of(engine, site.lab, each.host).remove(v=True, force=True)
    there = tuple(each for each in there if each.state != "created")
    for_each(lambda each: _revive(engine, site.lab, each, say), there)
    missing = sorted(set(range(1, count + 1)) - {host_number(each.host) for each in there})
    if missing:
        with phase(say, f"started {', '.join(map(host_name, missing))}"):
            for_each(lambda number: hosts.make_host(engine, site, number), missing)
    state.write_files(_look(engine, site.lab))
    with phase(say, "all hosts answer over SSH and have docker"):
        notes = await_ready(site.lab, hosts.observe_hosts(engine, site.lab))
    for note in notes:
        say(f"note: {note}")


def _revive(engine: DockerClient, lab: str, host: HostInfo, say: Say) -> None:
    """Undo whatever fault a host is in."""
    if host.state == "running":
        return
    for kind in ("start", "unpause", "heal"):
        faults.FAULTS[kind](engine, lab, host)
    say(f"{host.host}: was {host.state}, runs again")
