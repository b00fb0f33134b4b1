"""`clusterctl lab`: throw-away clusters of real hosts. What is typed and shown; `clusterctl.lab` does it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import print_line, say, show_document
from clusterctl.errors import InputError

if TYPE_CHECKING:
    from clusterctl.lab import LabInfo

lab_app = typer.Typer(
    name="lab", help="Throw-away clusters of real hosts, for demonstrations and tests.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.add_typer(lab_app, name="lab")


Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the lab.")]


@lab_app.callback()
def _refuse_dry_run(ctx: typer.Context) -> None:
    """Refuse what a lab has not: its verbs make and break real things, and have no plan to show."""
    if getattr(ctx.obj, "dry_run", False) and ctx.invoked_subcommand != "status":
        raise InputError(
            "the verbs of lab have no dry run", next_step="leave --dry-run away. Nothing was changed."
        )


def _wants_json(ctx: typer.Context) -> bool:
    """Whether the global `-o json` was given."""
    return getattr(ctx.obj, "output", "table") == "json"


def _show(ctx: typer.Context, info: LabInfo) -> None:
    from clusterctl.lab import describe

    if _wants_json(ctx):
        document = describe(info)
        show_document(
            str(document.pop("kind")), {key: item for key, item in document.items() if key != "apiVersion"}
        )
        return
    print_line(f"lab {info.name}: inventory {info.inventory}")
    print_line(f"registry: push to {info.registry_push or 'none'}, hosts pull from registry.lab:5000")
    for each in info.hosts:
        place = each.address if each.port == 22 else f"{each.address}:{each.port}"
        print_line(f"  {each.host:5} {place:21} zone={each.zone}  {each.state}")


def _done(ctx: typer.Context, result: dict[str, str], sentence: str) -> None:
    if _wants_json(ctx):
        show_document(result["kind"], {key: item for key, item in result.items() if key != "kind"})
    else:
        print_line(sentence)


@lab_app.command()
def up(
    ctx: typer.Context,
    hosts: Annotated[int, typer.Option("--hosts", metavar="N", help="How many hosts, at least.")] = 3,
    name: Name = "lab",
) -> None:
    """Make a lab, or make it whole again: all its hosts run and are ready."""
    from clusterctl import lab

    _show(ctx, lab.up(name, hosts, say))


@lab_app.command()
def status(ctx: typer.Context, name: Name = "lab") -> None:
    """Show a lab: its inventory, its registry and its hosts."""
    from clusterctl import lab

    _show(ctx, lab.status(name))


@lab_app.command()
def down(
    ctx: typer.Context,
    name: Name = "lab",
    images: Annotated[bool, typer.Option("--images", help="Remove the cached host image too.")] = False,
) -> None:
    """Remove a lab and everything that belongs to it."""
    from clusterctl import lab

    lab.down(name, say, images=images)
    _done(ctx, {"kind": "LabRemoved", "name": name}, f"lab {name} is gone")


@lab_app.command()
def fault(
    ctx: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            help="kill, start, pause, unpause, cut, heal, cut-operator, heal-operator, stop-docker, start-docker, "
            "hang-docker, wake-docker, hang-containerd, wake-containerd, hang-systemd, wake-systemd, stop-sshd, start-sshd"
        ),
    ],
    host: Annotated[str, typer.Argument(help="The host it happens to, such as h1.")],
    name: Name = "lab",
) -> None:
    """Let something happen to a host from outside, or undo it."""
    from clusterctl import lab

    sentence = lab.fault(name, kind, host)
    _done(ctx, {"kind": "LabFault", "name": name, "fault": kind, "host": host, "done": sentence}, sentence)


@lab_app.command()
def image(
    ctx: typer.Context,
    image_name: Annotated[str, typer.Argument(metavar="REPO:TAG", help="Such as hello:1.2.")],
    version: Annotated[str, typer.Option("--version", metavar="TEXT", help="What the service says it is.")],
    start_delay: Annotated[
        int, typer.Option("--start-delay", metavar="SECONDS", min=0, help="Seconds until it listens.")
    ] = 0,
    fail: Annotated[
        str, typer.Option("--fail", metavar="HOW", help="exit, unhealthy, deaf or late:SECONDS.")
    ] = "",
    name: Name = "lab",
) -> None:
    """Push a small web service to the lab's registry: a good, slow or broken version of it."""
    from clusterctl import lab

    repository, _, tag = image_name.partition(":")
    digest = lab.image(name, repository, tag, version=version, start_delay_s=start_delay, fail=fail)
    reference = f"registry.lab:5000/{image_name}"
    _done(ctx, {"kind": "LabImage", "image": reference, "digest": digest}, f"{reference}@{digest}")


@lab_app.command("host-image")
def host_image(
    ctx: typer.Context,
    build: Annotated[
        bool,
        typer.Option(
            help="Build it if it is missing (the default), or only say its name and how docker must run it."
        ),
    ] = True,
) -> None:
    """Build the image of lab hosts for other tools, such as a Vagrantfile: its name, and how to run it."""
    from clusterctl import lab

    name, options = lab.image_of_hosts(say, build=build)
    if _wants_json(ctx):
        show_document("LabHostImage", {"image": name, "options": options})
        return
    print_line(shlex.join(["docker", "run", "-d", *options, "-e", "LAB_SSH_KEY=PUBLIC-KEY", name]))


@lab_app.command()
def engine(
    ctx: typer.Context,
    install: Annotated[
        bool, typer.Option("--install", help="Install and start docker if none answers (root, Debian).")
    ] = False,
) -> None:
    """Make sure that a docker engine answers."""
    from clusterctl.lab.engine import ensure_engine

    version = ensure_engine(say, install=install)
    _done(ctx, {"kind": "Engine", "version": version}, f"docker engine {version} answers")
