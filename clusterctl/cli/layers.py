"""What may be given beside a playbook: files over it, variables, profiles. The options, and the reading of what they name."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clusterctl.errors import InputError

if TYPE_CHECKING:
    from clusterctl.parsing.compose.layers import Layers

_OPTIONS: dict[str, Any] = {
    "file": Annotated[
        list[str],
        typer.Option(
            "-f", "--file", metavar="FILE", help="Lay this file over the playbook; may be given again."
        ),
    ],
    "env_file": Annotated[
        list[str],
        typer.Option(
            "--env-file", metavar="FILE", help="Variables for ${...}, instead of .env; may be given again."
        ),
    ],
    "env": Annotated[
        list[str],
        typer.Option(
            "--env", metavar="NAME=VALUE", help="A variable; NAME alone takes that of your environment."
        ),
    ],
    "profile": Annotated[
        list[str],
        typer.Option("--profile", metavar="NAME", help="Also services of this profile; * means all."),
    ],
}


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """The options as they were given."""

    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()

    @property
    def given(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The options by name, with what was given of each."""
        return (
            ("--file", self.files),
            ("--env-file", self.env_files),
            ("--env", self.env),
            ("--profile", self.profiles),
        )

    def read(self, read_file: Callable[[str, str], bytes]) -> Layers:
        """Return what they name; `read_file` takes a path and what it is for. Raises InputError."""
        from clusterctl.parsing.compose.layers import Layers

        return Layers(
            files=tuple((name, read_file(name, "playbook")) for name in self.files),
            env_files=tuple((name, _text(read_file(name, "env file"), name)) for name in self.env_files),
            variables=dict(_assigned(text) for text in self.env),
            profiles=frozenset(self.profiles),
        )


NO_LAYERS = LayerOptions()


def takes_layers(verb: Callable[..., int]) -> Callable[..., int]:
    """Give a verb the four options; it gets them as its keyword argument `layers`."""
    signature = inspect.signature(verb, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "layers"]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=[], annotation=kind)
        for name, kind in _OPTIONS.items()
    ]

    @functools.wraps(verb)
    def with_layers(*args: Any, **given: Any) -> int:
        file, env_file, env, profile = (tuple(given.pop(name)) for name in _OPTIONS)
        return verb(*args, **given, layers=LayerOptions(file, env_file, env, profile))

    with_layers.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    with_layers.__annotations__ = {p.name: p.annotation for p in [*own, *more]} | {"return": int}
    return with_layers


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8 text", next_step="save it as UTF-8.") from None


def _assigned(text: str) -> tuple[str, str]:
    from clusterctl.parsing.compose.variables import parse_assignment
    from clusterctl.parsing.words import Expected, quoted

    try:
        name, value = parse_assignment(text)
    except Expected as error:
        raise InputError(f"--env: {error.got(quoted(text))}", next_step="write --env NAME=VALUE.") from None
    if value is None:
        value = os.environ.get(name)
    if value is None:
        raise InputError(
            f"--env {name}: your environment has no such variable", next_step=f"write --env {name}=VALUE."
        )
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise InputError(f"--env {name}: the value is not UTF-8 text", next_step="write it as UTF-8.")
    return name, value
