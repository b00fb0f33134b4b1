"""The files and programs that sources of an inventory need, for real (`parsing.outside` says what they are)."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Sequence
from pathlib import Path

from clusterctl.parsing.outside import Outside

MOST_SECONDS = 30.0


def outside_of(inventory: str, login: str) -> Outside:
    """Return what is outside of an inventory; relative paths belong to its folder."""
    folder = Path(inventory).absolute().parent

    def place(path: str) -> Path:
        return folder / os.path.expanduser(path)  # noqa: PTH111 - without a home the path stays as it is

    def read(path: str) -> bytes:
        from clusterctl.remote.named_file import read_named

        return read_named(place(path))

    def names(pattern: str) -> Sequence[str]:
        found = sorted(glob.glob(str(place(pattern))))  # noqa: PTH207 - absolute patterns
        return [_shown(path, folder) for path in found]

    def is_program(path: str) -> bool:
        return os.path.isfile(place(path)) and os.access(place(path), os.X_OK)  # noqa: PTH113 - never raises

    def run(argv: Sequence[str], where: str) -> str:
        from clusterctl.remote.program import call

        program = str(place(argv[0])) if "/" in argv[0] else argv[0]
        if not os.path.isdir(place(where)):  # noqa: PTH112 - never raises
            raise OSError("there is no such folder")
        ended = call([program, *argv[1:]], timeout_s=MOST_SECONDS, folder=str(place(where)))
        if ended.code != 0:
            raise OSError(ended.words if ended.code is None else f"exit code {ended.code}: {ended.words}")
        return ended.stdout

    return Outside(read, names, run, is_program, os.path.expanduser("~"), login)  # noqa: PTH111


def _shown(path: str, folder: Path) -> str:
    """Return a path as short as it can be given to whoever stands in this folder, if that is still there."""
    with contextlib.suppress(OSError):
        return path.removeprefix(f"{folder}/") if folder == Path.cwd() else path
    return path
