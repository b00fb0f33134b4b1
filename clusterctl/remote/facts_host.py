"""The parts of a look that the system tells: figures, systemd, our files, listening ports (proc(5), ss(8))."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from clusterctl.model.snapshot import LATEST_S, PortUse, UnitFact
from clusterctl.remote.answer import BadAnswerError
from clusterctl.remote.frame import Section

Sections = Mapping[str, Section]

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MACHINE_ID = re.compile(r"(?:[0-9a-f]{32})?")
_UNIT = re.compile(r"clusterctl-[A-Za-z0-9_.@+-]{1,230}\.service")
_DF = re.compile(r"\s(\d{1,19})\s+\d{1,19}\s+(-?\d{1,19})\s+(?:\d+%|-)\s")
_UNIT_LINE = re.compile(
    r"([0-9a-f]{64}) [ *](?:/[^ ]*)?/etc/systemd/system/(clusterctl-[A-Za-z0-9_.@+-]{1,250}\.service)"
)
_ENV_LINE = re.compile(r"([0-9a-f]{64}) [ *](?:/[^ ]*)?/etc/clusterctl/env/([A-Za-z0-9_.@+-]{1,250})\.env")
_MAX = 2**63
MAX_LINES = 65_536


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """Figures and states of the machine; as in HostFacts, and the time it booted."""

    boot_id: str
    machine_id: str
    os: str
    kernel: str
    architecture: str
    systemd_version: str
    systemd_state: str
    failed_units: tuple[str, ...]
    cpus: int
    memory_bytes: int
    memory_available_bytes: int
    load_1m: float
    uptime_s: int
    clock_s: int
    boot_time_s: int
    disk_total_bytes: int
    disk_free_bytes: int
    ports: tuple[PortUse, ...]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What lies under /etc/clusterctl and as our units; as in HostFacts."""

    cluster: str
    units: tuple[UnitFact, ...]
    env_digests: Mapping[str, str]
    markers: Mapping[str, str]
    manifests: Mapping[str, str]


def parse_system(sections: Sections) -> SystemFacts:
    """Return the machine's facts; raises BadAnswerError."""
    said = _words(_section(sections, "basics"))
    kernel, _, architecture = said.get("uname", "").partition(" ")
    manager = _properties(sections["manager"].text) if "manager" in sections else {}
    total, free = _disk(_section(sections, "disk"))
    return SystemFacts(
        boot_id=_matched(said, "boot_id", _UUID),
        machine_id=_matched(said, "machine_id", _MACHINE_ID),
        os=said.get("os", "").strip("\"'")[:200],
        kernel=kernel[:200],
        architecture=architecture[:50],
        systemd_version=manager.get("Version", "")[:100],
        systemd_state=manager.get("SystemState", "")[:50] or "unknown",
        failed_units=_failed(sections),
        cpus=_number(said, "cpus", 1, 100_000),
        memory_bytes=_number(said, "MemTotal:") * 1024,
        memory_available_bytes=_number(said, "MemAvailable:") * 1024,
        load_1m=_decimal(said, "load"),
        uptime_s=int(_decimal(said, "uptime")),
        clock_s=_number(said, "clock", high=LATEST_S),
        boot_time_s=_number(said, "btime", high=LATEST_S),
        disk_total_bytes=total,
        disk_free_bytes=free,
        ports=_ports(_section(sections, "listen")),
    )


def parse_files(sections: Sections, boot_time_s: int) -> FileFacts:
    """Return what our files say, and what systemd says of our units; raises BadAnswerError."""
    states = _unit_states(sections["units"].text) if "units" in sections else {}
    cluster = dict(named(sections, "cluster")).get("cluster", "")
    markers = {name: text.strip()[:1000] for name, text in named(sections, "marker")}
    manifests = {
        name.removesuffix(".json"): text
        for name, text in named(sections, "manifest")
        if name.endswith(".json")
    }
    if "busy" in sections:
        markers["busy"] = sections["busy"].text.strip()[:1000]
    digests = _digests(sections, "digests", _UNIT_LINE)
    units = tuple(
        replace(_unit(name, text, states.get(name, {}), boot_time_s), digest=digests.get(name, ""))
        for name, text in sorted(named(sections, "unit"))
        if _UNIT.fullmatch(name)
    )
    return FileFacts(cluster.strip()[:200], units, _digests(sections, "env", _ENV_LINE), markers, manifests)


def _section(sections: Sections, name: str) -> str:
    if name not in sections:
        raise BadAnswerError(f"section {name} is missing")
    return sections[name].text


def named(sections: Sections, kind: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the sections `kind:name`."""
    for key, section in sections.items():
        prefix, _, name = key.partition(":")
        if prefix == kind and name:
            yield name, section.text


def _words(text: str) -> dict[str, str]:
    lines = (line.partition(" ") for line in text.splitlines())
    return {word: rest for word, _, rest in lines}


def _matched(said: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    value = said.get(name, "").strip()
    if not pattern.fullmatch(value):
        raise BadAnswerError(f"{name} is {value[:60]!r}")
    return value


def _number(said: Mapping[str, str], name: str, low: int = 0, high: int = _MAX) -> int:
    return whole(name, said.get(name, "").strip(), low, high)


def whole(name: str, value: str, low: int = 0, high: int = _MAX) -> int:
    """Return `value` as a number within bounds; raises BadAnswerError that names it."""
    if not re.fullmatch(r"-?[0-9]{1,19}", value) or not low <= int(value) <= high:
        raise BadAnswerError(f"{name} is {value[:60]!r}")
    return int(value)


def _decimal(said: Mapping[str, str], name: str) -> float:
    value = said.get(name, "").split(" ")[0]
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", value):
        raise BadAnswerError(f"{name} is {value[:60]!r}")
    return float(value)


def _disk(text: str) -> tuple[int, int]:
    found = _DF.search(text.replace("\n", " \n"))
    if not found:
        raise BadAnswerError("the disk of docker's data is not told")
    total, free = int(found[1]), max(0, int(found[2]))
    if total > _MAX // 1024:
        raise BadAnswerError(f"disk size is {total} KiB")
    return total * 1024, min(free, total) * 1024


def _failed(sections: Sections) -> tuple[str, ...]:
    text = sections["failed"].text if "failed" in sections else ""
    return tuple(sorted({line.split()[0][:255] for line in _lines("failed units", text)}))


def _lines(what: str, text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        raise BadAnswerError(f"{what}: {len(lines)} lines; at most {MAX_LINES} are read")
    return lines


def _properties(text: str) -> dict[str, str]:
    return {key: value for key, sign, value in (line.partition("=") for line in text.splitlines()) if sign}


def _unit_states(text: str) -> dict[str, dict[str, str]]:
    blocks = [_properties(block) for block in re.split(r"\n\s*\n", text)]
    return {block["Id"]: block for block in blocks if "Id" in block}


def _unit(name: str, text: str, state: Mapping[str, str], boot_time_s: int) -> UnitFact:
    active = state.get("ActiveState", "unknown")[:50]
    change = "ActiveEnterTimestamp" if active == "active" else "StateChangeTimestamp"
    restarts = state.get("NRestarts", "0")
    return UnitFact(
        name=name,
        text=text,
        load=state.get("LoadState", "unknown")[:50],
        active=active,
        sub=state.get("SubState", "unknown")[:50],
        result=state.get("Result", "")[:50],
        enabled=state.get("UnitFileState", "")[:50],
        since_s=_since(state.get(change, ""), state.get(f"{change}Monotonic", ""), boot_time_s),
        restarts=int(restarts) if re.fullmatch(r"[0-9]{1,9}", restarts) else 0,
        drop_ins=tuple(state.get("DropInPaths", "").split()),
        need_reload=state.get("NeedDaemonReload", "") == "yes",
    )


def _since(wall: str, monotonic: str, boot_time_s: int) -> int | None:
    """Return a moment in epoch seconds: `@N` where systemd can (--timestamp=unix), else boot + monotonic us."""
    if re.fullmatch(r"@[0-9]{1,12}(\.[0-9]+)?", wall):
        return min(int(wall[1:].partition(".")[0]), LATEST_S)
    if re.fullmatch(r"[0-9]{1,18}", monotonic) and int(monotonic) > 0:
        return min(boot_time_s + int(monotonic) // 1_000_000, LATEST_S)
    return None


def _digests(sections: Sections, section: str, line_of: re.Pattern[str]) -> dict[str, str]:
    """Return the lines of sha256sum, by the name that is in each."""
    text = sections[section].text if section in sections else ""
    matches = (line_of.fullmatch(line) for line in text.splitlines())
    return {match[2]: match[1] for match in matches if match}


def _ports(text: str) -> tuple[PortUse, ...]:
    return tuple(sorted({_port(line.split()) for line in _lines("listening ports", text)}))


def _port(words: list[str]) -> PortUse:
    """Read a line of `ss -Hltun`, or of /proc/net as `proc PROTOCOL HEX:HEX`."""
    if len(words) == 3 and words[0] == "proc":
        address, _, port = words[2].partition(":")
        if re.fullmatch(r"(?:[0-9A-F]{8}|[0-9A-F]{32})", address) and re.fullmatch(r"[0-9A-F]{4}", port):
            return PortUse(int(port, 16), words[1][:3], _address(address))
    elif len(words) >= 5 and words[0] in {"tcp", "udp"}:
        address, _, port = words[4].rpartition(":")
        ip = address.partition("%")[0].strip("[]")
        return PortUse(whole("a port", port, 0, 65535), words[0], "" if ip == "*" else ip[:45])
    raise BadAnswerError(f"a listening port is told as {' '.join(words)[:80]!r}")


def _address(digits: str) -> str:
    """Return the address behind /proc/net's hexadecimal words, each in the host's (little-endian) order."""
    raw = b"".join(bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8))
    return str(ipaddress.ip_address(raw))
