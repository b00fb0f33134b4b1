"""An ssh_config as a source of hosts, and of options for hosts that are described elsewhere.

The words of ssh_config(5) become keys of an inventory (`keywords`). What cannot be honoured is refused where a host
would be reached otherwise than ssh reaches it, and else a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_address, parse_host_name, parse_user
from clusterctl.parsing.outside import Described, Outside, flag, listed, scalar
from clusterctl.parsing.ssh.config import Setting, SshConfig
from clusterctl.parsing.ssh.keywords import LISTS, PROXY_COMMAND, SSH_KEYS
from clusterctl.parsing.ssh.options import Evaluator, Options, expand_tokens
from clusterctl.parsing.words import Expected, Unfit, quoted
from clusterctl.parsing.yaml import Log

MOST_HOPS = 8
NO_FILE = "/dev/null"
"""As UserKnownHostsFile: no host key is known. Host keys are always checked here, so it counts as if nothing was said."""

_PLAIN_JUMP = re.compile(
    r"(?:\S*/)?ssh (?:-[A-Za-z]+ )*?(?:-W \[?%h\]?:%p (?:-[A-Za-z]+ )*(?P<after>[\w@.-]+)|(?P<before>[\w@.-]+) (?:-W \[?%h\]?:%p|nc %h %p))"
)
_URI = re.compile(r"ssh://(?P<hop>[^/]+)/?")
_HOP = re.compile(r"(?:(?P<user>[^@]*)@)?(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]+))?")


@dataclass(frozen=True)
class SshSource:
    """One configuration, ready to be asked; `path` is that of the source in the inventory, for messages."""

    config: SshConfig
    outside: Outside
    run_match: Callable[[str], bool] = lambda _: False
    hops: dict[str, Described] = field(default_factory=dict)
    """Options for the jump hosts that are no hosts of the inventory, by their addresses; filled on the way."""

    def hosts(self, wanted: Callable[[dict[str, Described]], set[str]]) -> list[Described]:
        """Return the hosts that the configuration names without a pattern; `wanted` chooses among them."""
        named = {name: Described(name, _place(setting)) for name, setting in self.config.names.items()}
        chosen = wanted(named)
        evaluator = Evaluator(self.config, self.outside, self.run_match)
        return [
            self._described(evaluator.options(name), evaluator, chosen, place.place)
            for name, place in named.items()
            if name in chosen
        ]

    def options_for(self, hosts: list[tuple[str, str, Cursor]]) -> list[Described]:
        """Return what the configuration says about hosts that are described elsewhere: name, address, place."""
        evaluator = Evaluator(self.config, self.outside, self.run_match)
        known = {name for name, _, _ in hosts}
        return [
            self._described(evaluator.options(name, address), evaluator, known, place)
            for name, address, place in hosts
        ]

    def way_to(self, written: str, hosts: set[str], *, first: bool) -> str:
        """Return the way to a jump host that is no host of ours; nothing where the configuration says nothing of it.

        The first one of a chain is reached through its own jump hosts. Raises Unfit.
        """
        evaluator = Evaluator(self.config, self.outside, self.run_match)
        match = _HOP.fullmatch(written)
        options = evaluator.options(match["host"].strip("[]")) if match else Options("")
        if not match or not (options.first or options.several):
            return ""
        return self._way(written, evaluator, hosts, ()) if first else self._hop(match, options)

    def _described(self, options: Options, evaluator: Evaluator, hosts: set[str], place: Cursor) -> Described:
        found = Described(options.name, place)
        self._fill_address(options, found)
        for keyword, key in (("port", "port"), ("user", "user")):
            if keyword in options.first:
                found.keys[key] = _cursor(options.first[keyword], options.word(keyword), options.name)
        self._fill_jump(options, found, evaluator, hosts)
        self._fill_ssh(options, found)
        return found

    def _fill_address(self, options: Options, found: Described) -> None:
        setting = options.first.get("hostname")
        if setting is None:
            return
        try:
            found.keys["address"] = _cursor(
                setting, expand_tokens(options.word("hostname"), {"h": options.name}), options.name
            )
        except Unfit as error:
            found.refused["address"] = (_place(setting), str(error))

    def _fill_jump(self, options: Options, found: Described, evaluator: Evaluator, hosts: set[str]) -> None:
        command = options.first.get(PROXY_COMMAND)
        if command is not None and options.word(PROXY_COMMAND).lower() != "none":
            found.refused["jump"] = (
                _place(command),
                f"{options.name}: {instead_of(options.text(PROXY_COMMAND))}",
            )
        setting = options.first.get("proxyjump")
        if setting is None:
            return
        try:
            text = expand_tokens(options.word("proxyjump"), self._values(options))
            way = self._way(text, evaluator, hosts, (options.name,))
        except Unfit as error:
            found.refused["jump"] = (_place(setting), str(error))
        else:
            found.keys["jump"] = _cursor(setting, way, options.name)

    def _way(self, text: str, evaluator: Evaluator, hosts: set[str], trail: tuple[str, ...]) -> str:
        """Return the hops such that each is a host of the inventory or has its address written out."""
        if text.lower() == "none":
            return "none"
        hops: list[str] = []
        for number, written in enumerate(text.split(",")):
            uri = _URI.fullmatch(written.strip())
            match = _HOP.fullmatch(uri["hop"] if uri else written.strip())
            if not match or not match["host"]:
                raise Unfit(f"{quoted(written)} is no jump host")
            name = match["host"]
            if name in hosts:
                hops.append(match[0])
                continue
            options = evaluator.options(name.strip("[]"))
            if number == 0 and "proxyjump" in options.first:
                if name in trail or len(trail) > MOST_HOPS:
                    raise Unfit(f"{trail[-1]} is reached through itself")
                before = self._way(options.word("proxyjump"), evaluator, hosts, (*trail, name))
                hops += [] if before == "none" else [before]
            hops.append(self._hop(match, options))
        return ",".join(hops)

    def _hop(self, match: re.Match[str], options: Options) -> str:
        if PROXY_COMMAND in options.first and options.word(PROXY_COMMAND).lower() != "none":
            raise Unfit(f"the jump host {options.name}: {instead_of(options.text(PROXY_COMMAND))}")
        address = expand_tokens(options.word("hostname"), {"h": options.name}) or options.name
        described = Described(options.name, scalar("", 0, Log("")))
        self._fill_ssh(options, described)
        if described.ssh:
            self.hops.setdefault(address, described)
        user = match["user"] or options.word("user")
        port = match["port"] or options.word("port")
        shown = f"[{address}]" if ":" in address else address
        return f"{user}@{shown}:{port or 22}" if user else f"{shown}:{port or 22}"

    def _fill_ssh(self, options: Options, found: Described) -> None:
        values = self._values(options)
        for keyword, key in LISTS.items():
            settings = options.several.get(keyword, ())
            self._fill_paths(
                key, [(setting, word) for setting in settings for word in setting.words[:1]], values, found
            )
        known = options.first.get("userknownhostsfile")
        if known is not None:
            self._fill_paths(
                "known_hosts", [(known, word) for word in known.words if word != NO_FILE], values, found
            )
        for keyword, key in SSH_KEYS.items():
            if keyword not in options.first:
                continue
            setting, word = options.first[keyword], options.word(keyword)
            if key == "identity_agent":
                self._fill_paths(key, [(setting, word)], values, found)
            elif key != "connect_timeout":
                found.ssh[key] = _cursor(setting, word, options.name)
            elif word != "none":
                found.ssh[key] = _cursor(setting, f"{word}s" if word.isdecimal() else word, options.name)

    def _fill_paths(
        self, key: str, written: list[tuple[Setting, str]], values: dict[str, str], found: Described
    ) -> None:
        try:
            paths = [
                expand_tokens(word, values)
                for _, word in written
                if word.lower() != "none" or key == "identity_agent"
            ]
        except Unfit as error:
            found.refused[f"ssh.{key}"] = (_place(written[0][0]), str(error))
            return
        if paths:
            setting = written[0][0]
            found.ssh[key] = (
                listed(paths, setting.line, setting.log, found.name)
                if len(paths) > 1
                else _cursor(setting, paths[0], found.name)
            )

    def _values(self, options: Options) -> dict[str, str]:
        """Return what tokens mean; names that are no names are left out, so that they go nowhere."""
        login = self.outside.login
        found = {
            "n": options.name,
            "h": expand_tokens(options.word("hostname"), {"h": options.name}, lenient=True) or options.name,
        }
        found |= {
            "p": options.word("port") or "22",
            "r": options.word("user") or login,
            "u": login,
            "d": self.outside.home,
        }
        checks: dict[str, Callable[[str], object]] = {
            "n": parse_host_name,
            "h": parse_address,
            "r": parse_user,
        }
        return {
            token: value
            for token, value in found.items()
            if token not in checks or _passes(checks[token], value)
        }


def _passes(check: Callable[[str], object], value: str) -> bool:
    try:
        check(value)
    except (Expected, Unfit):
        return False
    return True


def instead_of(command: str) -> str:
    """Return that a ProxyCommand is refused, and what to write."""
    plain = _PLAIN_JUMP.fullmatch(command)
    if plain:
        return f"ProxyCommand is not honoured; write: ProxyJump {plain['after'] or plain['before']}"
    return "ProxyCommand is not honoured; write ProxyJump, or jump: in the inventory, or leave the host out (hosts: of the source)"


def _cursor(setting: Setting, text: str, host: str) -> Cursor:
    make = flag if setting.keyword == "identitiesonly" else scalar
    return make(text, setting.line, setting.log, f"{host}: {setting.written}")


def _place(setting: Setting) -> Cursor:
    return scalar("", setting.line, setting.log)
