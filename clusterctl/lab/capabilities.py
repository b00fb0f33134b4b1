"""Which rights a host's container is created with. Pure: the caller reads /proc/self/status.

What a host must not keep (the clock, kernel modules) is given up by `image/lab-init` before its
systemd starts; the names here are what docker must grant for that and for nested containers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# In the order of linux/capability.h.
_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG "
    "MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM "
    "BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)

# Never wanted, or not known to every engine and not needed where the others are.
_LEFT_OUT = frozenset({"SYS_MODULE", "SYS_RAWIO", "PERFMON", "BPF", "CHECKPOINT_RESTORE"})


@dataclass(frozen=True, slots=True)
class Rights:
    """How a host's container is created: privileged, or with these capabilities and open devices."""

    privileged: bool
    capabilities: tuple[str, ...]


def choose_rights(cgroup_version: str, process_status: str | None) -> Rights:
    """Return the rights for hosts on an engine with this cgroup version ("1" or "2").

    `process_status` is /proc/self/status of a process on the engine's machine, None if the engine is
    elsewhere. Privileged needs every capability, so a machine that lacks one refuses it.
    """
    if process_status is None:
        full = (1 << len(_NAMES.split())) - 1
        return Rights(cgroup_version == "2", _named(full))
    bounding = _bounding_set(process_status)
    complete = bounding == (1 << bounding.bit_length()) - 1
    return Rights(cgroup_version == "2" and complete, _named(bounding))


def _bounding_set(process_status: str) -> int:
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", process_status, re.MULTILINE)
    return int(found.group(1), 16) if found else 0


def _named(bits: int) -> tuple[str, ...]:
    return tuple(
        name for number, name in enumerate(_NAMES.split()) if bits >> number & 1 and name not in _LEFT_OUT
    )
