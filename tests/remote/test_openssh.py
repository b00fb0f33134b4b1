"""The command line of the user's own ssh."""

from __future__ import annotations

import shlex
import subprocess

from clusterctl.model.ssh import SshSettings
from clusterctl.remote.openssh import ssh_argv
from clusterctl.remote.target import Target

SETTINGS = SshSettings(identity_files=("/k/my key",), known_hosts=("/k/known",), host_key_alias="web")


def effective(argv: list[str]) -> dict[str, str]:
    """Return what ssh itself makes of a command line (ssh -G)."""
    shown = subprocess.run([argv[0], "-G", *argv[1:]], capture_output=True, check=True, text=True).stdout
    return dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)


def test_ssh_is_given_what_the_inventory_says() -> None:
    argv = ssh_argv(Target("web1", "192.0.2.1", 2022, "ops", None, SETTINGS), ["uname -r"])

    found = effective(argv)

    assert shlex.join(argv) == (
        "ssh -F none -o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o ConnectTimeout=10 "
        "-o UserKnownHostsFile=/k/known -o GlobalKnownHostsFile=none -o HostKeyAlias=web "
        "-o 'IdentityFile=\"/k/my key\"' -l ops -p 2022 192.0.2.1 'uname -r'"
    )
    assert (found["user"], found["hostname"], found["port"]) == ("ops", "192.0.2.1", "2022")
    assert (found["identityfile"], found["hostkeyalias"]) == ("/k/my key", "web")
    assert found["stricthostkeychecking"] == "true"


def test_jump_hosts_have_their_own_options_at_every_hop() -> None:
    first = Target("edge", "192.0.2.9", 22, "jump", None, SshSettings(known_hosts=("/k/100%",)))
    second = Target("inner", "fe80::1%eth0", 2022, "ops", first, SshSettings())

    argv = ssh_argv(Target("db", "db.example.org", 22, "ops", second, SETTINGS))

    outer = next(word for word in argv if word.startswith("ProxyCommand=")).removeprefix("ProxyCommand=")
    middle = shlex.split(outer.replace("%%", "%"))
    inner = next(word for word in middle if word.startswith("ProxyCommand=")).removeprefix("ProxyCommand=")
    innermost = shlex.split(inner.replace("%%", "%"))
    assert middle[-3:] == ["-W", "db.example.org:22", "fe80::1%eth0"]
    assert innermost[-3:] == ["-W", "[fe80::1%eth0]:2022", "192.0.2.9"]
    assert "UserKnownHostsFile=/k/100%%" in innermost
    assert effective(argv)["proxycommand"] == outer
