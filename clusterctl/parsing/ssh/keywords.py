"""Which keywords of ssh_config(5) have an effect here, as which keys of an inventory; the others are notes."""

from __future__ import annotations

from collections.abc import Iterator

from clusterctl.parsing.outside import Note
from clusterctl.parsing.ssh.config import SshConfig
from clusterctl.parsing.ssh.options import settings_of

PROXY_COMMAND = "proxycommand"
SSH_KEYS = {
    "identitiesonly": "identities_only",
    "identityagent": "identity_agent",
    "hostkeyalias": "host_key_alias",
    "connecttimeout": "connect_timeout",
}
LISTS = {"identityfile": "identity_file", "certificatefile": "certificate_file"}
HONOURED = {
    "hostname",
    "port",
    "user",
    "proxyjump",
    PROXY_COMMAND,
    "userknownhostsfile",
    *SSH_KEYS,
    *LISTS,
}
FOR_PEOPLE = frozenset({
    "addkeystoagent", "batchmode", "clearallforwardings", "compression", "compressionlevel", "controlmaster",
    "controlpath", "controlpersist", "escapechar", "exitonforwardfailure", "forwardagent", "forwardx11",
    "forwardx11timeout", "forwardx11trusted", "hashknownhosts", "ignoreunknown", "ipqos", "localcommand",
    "localforward", "loglevel", "numberofpasswordprompts", "permitlocalcommand", "remotecommand", "remoteforward",
    "requesttty", "sendenv", "serveralivecountmax", "serveraliveinterval", "setenv", "syslogfacility", "tcpkeepalive",
    "usekeychain", "visualhostkey",
})  # fmt: skip
"""Keywords that change what a person sees at a prompt, and nothing about who is reached how: no note."""


def notes_of(config: SshConfig) -> Iterator[Note]:
    """Yield what the configuration says and has no effect here, each keyword where it stands first."""
    yield from config.notes
    seen: set[str] = set()
    for setting in settings_of(config):
        where = (setting.log.file, setting.line)
        if setting.keyword == "stricthostkeychecking":
            if setting.words and setting.words[0].lower() not in {"yes", "true", "ask"}:
                yield Note(
                    *where, f"StrictHostKeyChecking {setting.words[0]}: host keys are always checked here"
                )
        elif setting.keyword not in HONOURED | FOR_PEOPLE | seen:
            yield Note(*where, f"{setting.written} has no effect here")
            seen.add(setting.keyword)
