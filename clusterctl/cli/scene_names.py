"""Which instances and services of the scenes to explain a word names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusterctl.errors import InputError
from clusterctl.model.placement import Instance

if TYPE_CHECKING:
    from clusterctl.planning.explain import Explanation, Scene

MOST_NAMES = 16


def find_instances(scenes: dict[str, Scene], what: str) -> list[tuple[Scene, Instance]]:
    """Return the instances that a word names: one, or all of a service; raises InputError."""
    for scene in scenes.values():
        for service in scene.project.services:
            slot = what.removeprefix(f"{scene.project.name}-{service.name}-")
            if slot != what and slot.isdecimal():
                return [(scene, Instance(scene.project.name, service.name, int(slot)))]
        for instance in scene.instances:
            if instance.name == what:
                return [(scene, instance)]
    scene, name = _service(scenes, what)
    return [(scene, instance) for instance in scene.instances if instance.service == name]


def _service(scenes: dict[str, Scene], what: str) -> tuple[Scene, str]:
    known = {
        (project, service.name): scene
        for project, scene in scenes.items()
        for service in scene.project.services
    }
    fits = [pair for pair in known if what in {pair[1], "/".join(pair), "-".join(pair)}]
    if len(fits) == 1:
        return known[fits[0]], fits[0][1]
    names = ", ".join("/".join(pair) for pair in (fits or list(known))[:MOST_NAMES]) or "none"
    raise InputError(
        f"{'more than one service' if fits else 'no host, instance or service'} is called {what!r}; services: {names}",
        next_step="name it as PROJECT/SERVICE; --playbook FILE explains what is not applied yet. Nothing was changed.",
    )


def explain_one_more(scenes: dict[str, Scene], what: str) -> Explanation | None:
    """Return where one more instance of the service could be; None where it can have no more; raises InputError."""
    scene, name = _service(scenes, what)
    service = scene.project.service(name)
    return (
        scene.explain(scene.one_more(service))
        if service and service.mode != "global" and not service.singleton
        else None
    )
