"""The documentation says what is so: paths and links exist, and every verb, option, field and key is named.

`python -m tests.test_docs` writes docs/compose-support.md anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import typer

from clusterctl.cli.app import app
from clusterctl.model.inventory import Policy
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.parsing.compose.support import support_matrix
from clusterctl.parsing.inventory import file as inventory
from clusterctl.parsing.inventory import hosts as inventory_hosts
from clusterctl.parsing.inventory import policy as inventory_policy
from clusterctl.parsing.inventory import sources
from clusterctl.parsing.inventory import ssh as inventory_ssh
from clusterctl.parsing.inventory.file import parse_inventory
from clusterctl.parsing.selector import select
from clusterctl.parsing.steps.intent import parse_steps_playbook
from clusterctl.parsing.steps.keys import RUN_KEYS, STEP_KEYS, VERBS
from clusterctl.parsing.yaml import parse_yaml

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ADRS = sorted(ROOT.glob("docs/adr/*.md"))
SUPPORT = ROOT / "docs/compose-support.md"
SUPPORT_HEAD = """# Compose keys

Which keys of a Compose file a playbook may have. This page is made from the tables that the parser uses; a test
compares them. A key that is not supported is an error that names it. `*` stands for the name of a service or volume.

"""

SITE = "services: {web: {image: nginx}}\n"

_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"\.?[A-Za-z_][\w.-]*/[\w./-]*|[A-Za-z_][\w-]*\.(?:py|md|toml|yaml|txt|sh)|Makefile")
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def names(page: str) -> set[str]:
    """Return what stands in code quotes on a page, word by word."""
    return {word.strip(",") for code in _CODE.findall(text(page)) for word in code.split()}


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every verb as it is typed, those of a group too, with what the command line knows of it."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        yield name, command
        for below, inner in getattr(command, "commands", {}).items():
            yield f"{name} {below}", inner


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_repository_path_that_is_named_exists(page: str) -> None:
    named = [code for code in _CODE.findall(text(page)) if _PATH.fullmatch(code)]

    missing = [path for path in named if not (ROOT / path).exists()]

    assert len(named) > 20
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text("utf-8")) if "://" not in link]

    missing = [link for link in links if not (page.parent / link).exists()]

    assert missing == []


def test_every_test_that_the_page_of_bad_input_names_exists() -> None:
    rows = [row for row in text("docs/bad-input.md").splitlines() if row.startswith("| ")]
    rows = [row for row in rows if not row.startswith(("| input ", "| --- "))]
    cited = [_TEST.findall(row.rsplit("|", 2)[1]) for row in rows]

    missing = [f"{path}::{name}" for path, name in chain(*cited) if f"def {name}(" not in text(path)]

    assert missing == []
    assert [row for row, tests in zip(rows, cited, strict=True) if not tests] == []


def test_every_verb_is_documented() -> None:
    documented = text("README.md") + text("docs/cli.md") + text("docs/lab.md")

    missing = [
        verb
        for verb, _ in commands()
        if f"clusterctl {verb}" not in documented and f"`{verb}" not in documented
    ]

    assert missing == []


def test_every_option_is_documented() -> None:
    group: Any = typer.main.get_command(app)
    known = {
        option
        for command in (group, *(command for _, command in commands()))
        for parameter in command.params
        if parameter.param_type_name == "option"
        for option in parameter.opts
    }

    assert known - names("docs/cli.md") == set()


def test_every_field_of_the_json_documents_is_documented() -> None:
    trees = [
        ast.parse(text(f"clusterctl/{file}"))
        for file in ("cli/documents.py", "planning/status.py", "lab/layout.py")
    ]
    fields = {
        key.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }

    assert fields - names("docs/json.md") == set()


def test_every_key_of_an_inventory_is_documented() -> None:
    keys = {
        *inventory.KEYS,
        *(f"ssh.{key}" for key in (*inventory_ssh.FLEET_KEYS, *inventory_ssh.HOST_KEYS)),
        *(f"policy.{key}" for key in inventory_policy.KEYS),
        *(f"policy.before.{key}" for key in inventory_policy.HOOK_KEYS),
        *(f"hosts.NAME.{key}" for key in inventory_hosts.KEYS),
        *sources.ALL_KEYS,
    }

    assert keys - names("docs/inventory.md") == set()


def test_every_step_and_its_arguments_are_documented() -> None:
    arguments = {f"{verb}.{key}" for verb, entry in VERBS.items() for key in entry.arguments}

    assert {*RUN_KEYS, *STEP_KEYS, *VERBS, *arguments} - names("docs/playbook-steps.md") == set()


def test_the_compose_support_page_is_what_the_code_says() -> None:
    assert SUPPORT.read_text("utf-8") == SUPPORT_HEAD + support_matrix(), "run: python -m tests.test_docs"


def test_the_example_inventory_parses() -> None:
    fleet = parse_inventory((ROOT / "inventory.yaml").read_bytes(), "inventory.yaml")

    assert fleet.cluster == "example"
    assert fleet.names == ("db1", "db2", "web01", "web02", "web03", "web04")
    assert [host.name for host in select("@all-but-first", fleet)] == ["db2", "web02", "web03", "web04"]


def test_the_examples_of_the_readme_parse() -> None:
    fleet, playbook = _YAML.findall(text("README.md"))

    hosts = parse_inventory(fleet, "inventory.yaml").names
    project = parse_playbook(
        playbook, "site.yaml", read_file=lambda _: "", policy=Policy(), default_name="site"
    )

    assert hosts == ("web1", "web2", "web3")
    assert [service.image for service in project.services] == ["nginx:1.27"]


@pytest.mark.parametrize("path", sorted(ROOT.glob("playbooks/*.yaml")), ids=lambda path: path.name)
def test_the_playbooks_parse(path: Path) -> None:
    data, fleet = path.read_bytes(), parse_inventory((ROOT / "inventory.yaml").read_bytes(), "inventory.yaml")

    if b"\nsteps:" in data:
        steps = parse_steps_playbook(data, path.name, inventory=fleet, read_file=lambda _: b"")
        assert (steps.name, steps.hosts) == (path.stem, fleet.names)
    else:
        project = parse_playbook(data, path.name, read_file=lambda _: "", policy=Policy())
        assert project.name == path.stem


def beside(path: str) -> str:
    """Give any file that is named; there are no variables."""
    if path == ".env":
        raise FileNotFoundError(path)
    return SITE


def test_the_example_of_the_steps_page_parses() -> None:
    fleet = parse_inventory((ROOT / "inventory.yaml").read_bytes(), "inventory.yaml")

    found = [
        parse_steps_playbook(block, "site.yaml", inventory=fleet, read_file=beside)
        for block in _YAML.findall(text("docs/playbook-steps.md"))
    ]

    assert [len(intent.steps) > 0 for intent in found] == [True, True]


def test_yaml_on_the_other_pages_is_yaml() -> None:
    blocks = [block for page in PAGES for block in _YAML.findall(page.read_text("utf-8"))]

    assert all(parse_yaml(block, "page", merges=True).kind == "map" for block in blocks)


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.stem)
def test_a_decision_has_status_context_decision_consequences_and_alternatives(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()

    headings = [line for line in lines if line.startswith("## ")]

    assert lines[0].startswith(f"# {page.name[:4]}: ")
    assert lines[2].startswith("Status: ")
    assert headings == ["## Context", "## Decision", "## Consequences", "## Alternatives refused"]


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))


if __name__ == "__main__":
    SUPPORT.write_text(SUPPORT_HEAD + support_matrix(), "utf-8")
