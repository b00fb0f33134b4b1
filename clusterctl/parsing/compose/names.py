"""What a container is called, whom it asks for names, and where its lines go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from clusterctl.model.runtime import Logging, Names
from clusterctl.parsing.compose.pairs import read_pairs
from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_ip
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit, did_you_mean, quoted

DRIVERS = ("awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "none", "syslog")
"""Logging drivers of docker whose options hold no secret; the process list shows them."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DOMAIN = re.compile(rf"(?:_?{_LABEL}(?:\.{_LABEL})*\.?|\.)")
_DNS_OPTION = re.compile(r"[a-z0-9-]{1,32}(?::[0-9]{1,5})?")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
_LOG_OPTION = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_LONGEST_HOSTNAME = 63


def matching(pattern: re.Pattern[str], wanted: str) -> Callable[[str], str]:
    """Return a parser of text that a pattern fits wholly."""

    def parse(text: str) -> str:
        if not text or not pattern.fullmatch(text):
            raise Expected(wanted)
        return text

    return parse


def read_each(parser: Callable[[str], str]) -> Callable[[Cursor, Context], tuple[str, ...]]:
    """Return a reader of one text or a list of them; what is there twice counts once."""

    def read(cursor: Cursor, _context: Context) -> tuple[str, ...]:
        found = [item.read(as_text(parser), None) for item in cursor.items_or_self()]
        return tuple(dict.fromkeys(one for one in found if one is not None))

    return read


def parse_hostname(text: str) -> str:
    """Return a host name of RFC 1123, of 63 characters at most: the kernel takes 64."""
    if len(text) > _LONGEST_HOSTNAME or not _HOSTNAME.fullmatch(text):
        raise Expected("a host name of letters, digits, '-' and '.', at most 63 long")
    return text


def parse_domain(text: str) -> str:
    """Return a domain's name; `.` alone is no search."""
    if len(text) > 253 or not _DOMAIN.fullmatch(text):
        raise Expected("a domain such as example.com")
    return text


def parse_dns_option(text: str) -> str:
    """Return an option of resolv.conf(5)."""
    if not _DNS_OPTION.fullmatch(text):
        raise Expected("an option of resolv.conf such as ndots:2")
    return text


def parse_mac(text: str) -> str:
    """Return a hardware address of six pairs."""
    if not _MAC.fullmatch(text):
        raise Expected("a hardware address such as 02:42:ac:11:00:02")
    return text.lower()


def read_extra_hosts(cursor: Cursor, _context: Context) -> tuple[str, ...]:
    """Read `extra_hosts:` as `name:address`: a list of `name=address`, or a mapping with one address or more."""
    found: list[str] = []
    if cursor.value.kind == "list":
        for item in cursor.items():
            one = item.read(as_text(parse_extra_host), None)
            found += [one] if one else []
    else:
        for name, place in cursor.entries():
            for item in place.items_or_self():
                one = item.read(as_text(partial(_extra_host, name)), None)
                found += [one] if one else []
    return tuple(dict.fromkeys(found))


def parse_extra_host(text: str) -> str:
    """Return `name:address` from `name:address` or `name=address`."""
    match = re.fullmatch(r"([^:=]+)[:=](.+)", text)
    if not match:
        raise Expected("a host such as db=10.0.0.5")
    return _extra_host(match[1], match[2])


def _extra_host(name: str, address: str) -> str:
    if not _HOSTNAME.fullmatch(name):
        raise Unfit(f"{quoted(name)} is no host name")
    if address == "host-gateway":
        return f"{name}:{address}"
    return f"{name}:{parse_ip(address.removeprefix('[').removesuffix(']'))}"


def read_logging(cursor: Cursor, context: Context) -> Logging:
    """Read `logging:`; without a driver the options are journald's."""
    keys = read_section(cursor, "services.*.logging", context)
    return Logging(keys.get("driver") or "", keys.get("options") or {})


def parse_driver(text: str) -> str:
    """Return the name of a logging driver; journald is the default, and so not named."""
    if text == "splunk":
        raise Unfit("splunk is not supported: its token would stand in the process list")
    if text not in DRIVERS:
        raise Expected(f"one of {', '.join(DRIVERS)}", did_you_mean(text, DRIVERS).removeprefix("; "))
    return "" if text == "journald" else text


def read_log_options(cursor: Cursor, _context: Context) -> dict[str, str]:
    """Read the options of a logging driver."""
    found: dict[str, str] = {}
    for place, name, value in read_pairs(cursor):
        if not _LOG_OPTION.fullmatch(name) or value is None or not value.isprintable():
            place.mistake(f"expected an option such as max-size: 10m, got {quoted(name)}")
        else:
            found[name] = value
    return dict(sorted(found.items()))


NAMES_KEYS: Mapping[str, Key] = {
    "dns": Key(read_each(parse_ip)),
    "dns_opt": Key(read_each(parse_dns_option)),
    "dns_search": Key(read_each(parse_domain)),
    "domainname": Key(text_by(parse_domain)),
    "extra_hosts": Key(read_extra_hosts),
    "hostname": Key(text_by(parse_hostname), "the instance's name where it is left out"),
    "mac_address": Key(text_by(parse_mac)),
}
LOGGING_KEYS: Mapping[str, Key] = {
    "logging": Key(read_logging, "journald if left out; clusterctl logs can read no other"),
    "logging.driver": Key(text_by(parse_driver)),
    "logging.options": Key(read_log_options, "no secrets: the process list shows them"),
}


def names_of(keys: Mapping[str, Any]) -> Names:
    """Return what the keys of a service say of names."""
    return Names(**{key: keys[key] for key in NAMES_KEYS if keys.get(key) is not None})
