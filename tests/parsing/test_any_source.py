"""Whatever an ssh_config, an Ansible inventory or what Vagrant prints says: hosts, or the mistakes of an inventory."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterctl.errors import InputError
from clusterctl.parsing.inventory.file import parse_inventory
from clusterctl.parsing.outside import Outside
from clusterctl.parsing.regex import Regex
from clusterctl.parsing.words import Unfit
from tests.parsing.mutations import PIECES

SSH_CONFIG = """\
# ours
Include conf.d/*
Host web1 web2 !web3
    HostName %h.example.com
    User ops
    Port 2222
    IdentityFile ~/.ssh/%h_%r
    CertificateFile "~/.ssh/a b"
    ProxyJump ops@gate:2200,web9
    UserKnownHostsFile /dev/null
    StrictHostKeyChecking=no
    ConnectTimeout 5
Match host web* user ops
    IdentitiesOnly yes
    HostKeyAlias x%%y
Match exec "true" all
    ProxyCommand nc %h %p
Host *
    ServerAliveInterval 10
    SendEnv LANG LC_*
"""
INI = """\
[web]
web[01:03] ansible_host=10.0.0.1 ansible_port=2222 zone=a
web9 ansible_user=ops ansible_ssh_common_args='-o ProxyJump=gate -o "Port 22"'
[web:vars]
rack=1
[all:children]
web
db
[db]
db-[a:c] ansible_ssh_private_key_file=~/.ssh/id rack="a b"
"""
TREE = """\
all:
  vars: {rack: 1}
  hosts:
    db1: {ansible_host: 10.0.0.2, ansible_port: 22}
  children:
    web:
      hosts: {"web[1:3]": {zone: a}}
      vars: {ansible_user: ops}
"""
PRINTED = '{"_meta": {"hostvars": {"a": {"ansible_host": "10.0.0.3", "rack": 1}}}, "web": {"hosts": ["a"], "children": ["x"]}, "all": ["a"]}'
MANY = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@st.composite
def damaged(draw: st.DrawFn, *whole: str) -> str:
    """Draw one of some texts with one to four pieces put in, taken out, or doubled."""
    text = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        text = text[:start] + draw(st.sampled_from((*PIECES, text[start:end] * 2))) + text[end:]
    return text


def read(source: str, text: str, *, program: bool = False) -> None:
    """Read an inventory whose one source says so; anything but an inventory or its mistakes fails the test."""
    data = text.encode(errors="replace")
    outside = Outside(
        read=lambda _: data,
        glob=lambda path: (f"{path}-1", f"{path}-2") if "*" in path else (path,),
        run=lambda _argv, _folder: text,
        is_program=lambda _: program,
        home="/home/ops",
        login="ops",
    )
    with suppress(InputError):
        parse_inventory(f"cluster: x\nsources:\n  - {source}\n", "inventory.yaml", outside)


@MANY
@given(
    damaged(SSH_CONFIG) | st.text(st.sampled_from("HostMach Include*?!%hnp\"'\\=#\n\t~@:,[]0"), max_size=80)
)
def test_any_ssh_config_gives_hosts_or_mistakes(text: str) -> None:
    read("ssh_config: config", text)
    read("{ssh_config: config, options_only: true, allow_match_exec: true}", text)
    read("{vagrant: ., prefix: vm-, group: boxes}", text)


@MANY
@given(
    damaged(INI, TREE)
    | st.text(st.sampled_from("[]web:0123=ansible_host'\"\\ \n#;varschildren"), max_size=80)
)
def test_any_inventory_of_ansible_gives_hosts_or_mistakes(text: str) -> None:
    read("{ansible: hosts.ini, labels_from: [zone, rack]}", text)
    read("{ansible: hosts.yml, labels_from: [zone, rack], hosts: 'web*'}", text)


@MANY
@given(damaged(PRINTED) | st.text(max_size=60))
def test_whatever_a_program_prints_gives_hosts_or_mistakes(text: str) -> None:
    read("{ansible: inventory.py, labels_from: [rack]}", text, program=True)


@MANY
@given(
    st.text(st.sampled_from("ab()[]{}*+?|^$\\.1,-dwsbBpP<>=!:#é"), max_size=40),
    st.text("ab1-.", max_size=200),
)
def test_any_regex_is_refused_or_matches_in_linear_time(pattern: str, name: str) -> None:
    with suppress(Unfit):
        Regex(pattern).matches(name)
