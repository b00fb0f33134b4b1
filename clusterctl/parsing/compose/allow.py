"""What services take of their hosts without the inventory's leave (`policy.allow`): refused, each at its line."""

from __future__ import annotations

from collections.abc import Iterable

from clusterctl.model.inventory import Policy
from clusterctl.model.privilege import VALUES, Privilege, ungiven
from clusterctl.model.service import Service
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.yaml_core import Value


def check_privileges(services: Cursor, found: Iterable[Service], project: str, policy: Policy) -> None:
    """Note every privilege of a service that nobody has given; `services` is the place of `services:`."""
    places = dict(services.entries()) if services.value.kind == "map" else {}
    for service in found:
        for privilege in ungiven(service, project, policy.allow):
            _place(places[service.name], privilege).mistake(_words(privilege, service.name))


def _words(privilege: Privilege, service: str) -> str:
    given = privilege.value if privilege.grant in VALUES else service
    grant = privilege.grant
    return f"{service} {privilege.words}: allow it in the inventory, policy.allow: {{{grant}: [{given}]}}"


def _place(service: Cursor, privilege: Privilege) -> Cursor:
    """Return the item of the key that asks, else the key, else the service (an extended or merged one)."""
    entry = next((entry for entry in service.value.entries if entry.key == privilege.key), None)
    if entry is None:
        return service
    place = service.at(entry)
    if privilege.value and place.value.kind == "list":
        return next((item for item in place.items() if _holds(item.value, privilege.value)), place)
    return place


def _holds(value: Value, text: str) -> bool:
    texts = (value.text, *(entry.value.text for entry in value.entries))
    return any(text.upper() in one.upper().replace("//", "/").replace("/./", "/") for one in texts)
