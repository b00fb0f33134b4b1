"""Names that reach command lines and file names: allow-lists, nothing is repaired (bad-input rows 7-9, 14).

Hosts and addresses may not begin with a dash or a dot (CVE-2023-51385 and its kin); image references
follow the grammar of github.com/distribution/reference.
"""

from __future__ import annotations

import ipaddress
import re

from clusterctl.parsing.words import Expected, Unfit

MOST_HOST_NAME = 253
MOST_IMAGE_NAME = 255

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_CONTAINER_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}")
_LABEL_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9._/:@+-]{0,128}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,15}")

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?"
_IMAGE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
)
_BARE_ID = re.compile(r"[0-9a-f]{64}")


def parse_host_name(text: str) -> str:
    """Return a host's name: letters, digits, `.`, `_`, `-`, not beginning with a mark; at most 253."""
    if len(text) > MOST_HOST_NAME or not _HOST.fullmatch(text):
        raise Expected("a name of letters, digits, '.', '_' or '-' that begins with a letter or digit")
    return text


def parse_user(text: str) -> str:
    """Return a login name as useradd(8) takes it."""
    if not _USER.fullmatch(text):
        raise Expected("a user name of a-z, 0-9, '_' or '-', at most 32 long")
    return text


def parse_service_name(text: str) -> str:
    """Return the name of a service or a project."""
    if not _SERVICE.fullmatch(text):
        raise Expected("a name of a-z, 0-9 or '-', at most 41 long, that begins with a letter or digit")
    return text


def parse_volume_name(text: str) -> str:
    """Return a volume's name as docker takes it."""
    if not _VOLUME.fullmatch(text):
        raise Expected("a volume name of letters, digits, '.', '_' or '-'")
    return text


def parse_container_user(text: str) -> str:
    """Return `user`, `uid`, `user:group` or `uid:gid`."""
    if not _CONTAINER_USER.fullmatch(text):
        raise Expected("a user such as 1000:1000 or www-data")
    return text


def parse_variable_name(text: str) -> str:
    """Return the name of an environment variable that an env file can carry."""
    if not _VARIABLE.fullmatch(text):
        raise Expected("a variable name of letters, digits, '_', '.' or '-'")
    return text


def parse_label_key(text: str) -> str:
    """Return a label's key: letters, digits and `.`, `_`, `/`, `-` between them."""
    if not _LABEL_KEY.fullmatch(text):
        raise Expected("a label key of letters, digits, '.', '_', '/' or '-'")
    return text


def parse_label_value(text: str) -> str:
    """Return the value of a host's label, such that a selector can name it."""
    if not _LABEL_VALUE.fullmatch(text):
        raise Expected("a label value of letters, digits and . _ / : @ + -, at most 128 long")
    return text


def parse_port(text: str) -> int:
    """Return a port from 1 to 65535, in plain decimal."""
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise Expected("a port (1-65535)")
    return int(text)


def parse_address(text: str) -> str:
    """Return a host name, an IPv4 or an IPv6 address (shortest form, zone kept), without brackets."""
    if text.startswith("["):
        raise Unfit("write an IPv6 address without brackets, and the port as port:")
    if ":" in text:
        return _parse_ipv6(text)
    if _DIGITS_AND_DOTS.fullmatch(text):
        return parse_ip(text)
    try:
        return parse_host_name(text)
    except Expected:
        raise Expected("a host name or an IP address") from None


def parse_ip(text: str) -> str:
    """Return an IPv4 or IPv6 address in its usual form; no zone, no wildcard address."""
    try:
        address = ipaddress.ip_address(text if "%" not in text else "")
    except ValueError:
        raise Expected("an IP address") from None
    return str(address)


def _parse_ipv6(text: str) -> str:
    address, mark, zone = text.partition("%")
    if mark and not _ZONE.fullmatch(zone):
        raise Expected("an IPv6 zone of letters, digits, '.', '_' or '-' after %")
    try:
        shortest = str(ipaddress.IPv6Address(address))
    except ValueError:
        raise Expected("a host name or an IP address") from None
    return f"{shortest}{mark}{zone}"


def parse_image(text: str) -> str:
    """Return an image reference: `[registry[:port]/]path[:tag][@sha256:digest]`."""
    match = _IMAGE.fullmatch(text) if len(text) <= 512 else None
    if not match or len(match["name"]) > MOST_IMAGE_NAME or _BARE_ID.fullmatch(text):
        raise Expected("an image such as nginx:1.27 or registry:5000/shop/web@sha256:...")
    return text
