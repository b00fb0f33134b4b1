"""Linux capabilities by name (capabilities(7)); which of them docker gives is `model.privilege`."""

from __future__ import annotations

from clusterctl.parsing.words import Expected, did_you_mean

_KNOWN = """
    ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE
    DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD
    NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN
    SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME
    SYS_TTY_CONFIG WAKE_ALARM
"""

KNOWN = frozenset(_KNOWN.split())


def parse_capability(text: str) -> str:
    """Return a capability's name in capitals, without `CAP_`."""
    name = text.upper().removeprefix("CAP_")
    if name not in KNOWN:
        raise Expected("a capability such as NET_ADMIN", did_you_mean(name, KNOWN).removeprefix("; "))
    return name
