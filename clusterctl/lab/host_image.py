"""The one image of a lab: its hosts and its registry; built from Debian packages and kept by its recipe.

What is in it is `image/customize` and `image/packages`; how a host is made from it is in `hosts`.
"""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from clusterctl.errors import LabError
from clusterctl.lab import packages, state
from clusterctl.lab.talk import Say, phase

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY = "clusterctl-lab-host"
SUITE = "bookworm"
DATA = Path(__file__).parent / "image"
_RECIPE = (
    *("Dockerfile", "customize", "daemon.json", "dpkg.cfg", "journald.conf"),
    *("lab-init", "packages", "registry.yml", "sshd.conf"),
)
_SETTINGS = (
    "ENV container=docker",
    'CMD ["/usr/local/sbin/lab-init"]',
    f"LABEL {REPOSITORY}=1",
)
_CHUNK_BYTES = 1 << 20


def recipe_hash() -> str:
    """Return 12 hex digits that change when anything that goes into the image changes."""
    digest = hashlib.sha256("\n".join([SUITE, *_SETTINGS]).encode())
    for name in _RECIPE:
        digest.update(name.encode() + b"\0" + (DATA / name).read_bytes())
    return digest.hexdigest()[:12]


def reference() -> str:
    """Return the name of the image, which holds its recipe's hash."""
    return f"{REPOSITORY}:{recipe_hash()}"


def ensure_host_image(engine: DockerClient, say: Say) -> str:
    """Return the reference of the host image, building it when this recipe was not built yet."""
    image = reference()
    with state.exclusively("host image"):  # of two labs that begin at once, one builds
        if not engine.images.list(name=image):
            _build(engine, image, say)
    return image


def _build(engine: DockerClient, image: str, say: Say) -> None:
    say("building the host image from Debian packages (once; about a minute)")
    with phase(say, f"built {image}"):
        if _can_bootstrap(say):
            _bootstrap(engine, image)
        else:
            _build_from_base(engine, image)


def remove_host_images(engine: DockerClient) -> None:
    """Remove every host image that no container uses."""
    for image in engine.images.list(filters={"label": f"{REPOSITORY}=1"}):
        if not engine.containers.list(all=True, filters={"ancestor": str(image.id)}):
            engine.images.remove(str(image.id), force=True)


def _can_bootstrap(say: Say) -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    if shutil.which("mmdebstrap") is None and packages.may_install():
        packages.install(["mmdebstrap"], say)
    return shutil.which("mmdebstrap") is not None


def _bootstrap(engine: DockerClient, image: str) -> None:
    """Stream the tree that mmdebstrap makes into the engine; name it only if both ended well."""
    from docker.errors import APIError

    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(  # a session of its own: mmdebstrap signals its whole process group when it fails
            _bootstrap_argv(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            start_new_session=True,
        ) as process,
    ):
        chunks = iter(lambda: process.stdout.read(_CHUNK_BYTES) if process.stdout else b"", b"")
        try:
            made = imported_id(str(engine.api.import_image_from_data(chunks, changes=list(_SETTINGS))))
        except APIError:  # a tree cut short is refused as well: then mmdebstrap says why
            if process.stdout:
                process.stdout.close()
            if process.wait() > 0:
                raise _bootstrap_error(process.returncode, messages) from None
            raise  # mmdebstrap was well, or ended by the signal that our closing is
        if process.wait():
            engine.images.remove(made, force=True)
            raise _bootstrap_error(process.returncode, messages)
    engine.images.get(made).tag(image)


def _bootstrap_error(code: int, messages: IO[bytes]) -> LabError:
    messages.seek(0)
    return LabError(
        f"mmdebstrap failed with exit code {code}",
        details=messages.read().decode(errors="replace").splitlines()[-8:],
        next_step="check that this machine reaches its Debian mirror, then run this again",
    )


def _bootstrap_argv() -> list[str]:
    return [
        *("mmdebstrap", "--variant=minbase", f"--include={','.join(_lines('packages'))}"),
        *(f"--dpkgopt={each}" for each in _lines("dpkg.cfg")),
        f'--customize-hook=sh {shlex.quote(str(DATA / "customize"))} "$1"',
        *(SUITE, "-"),
    ]


def _lines(name: str) -> list[str]:
    return (DATA / name).read_text(encoding="ascii").split()


def imported_id(answer: str) -> str:
    """Return the image id from the engine's answer to an import: the last `sha256:...` in it."""
    begin = answer.rfind("sha256:")
    if begin < 0:
        raise LabError("the docker engine did not take the host image", details=[answer[-400:]])
    return answer[begin : begin + len("sha256:") + 64]


def _build_from_base(engine: DockerClient, image: str) -> None:
    """Build on Debian's base image, where packages alone cannot be made into one (not root, not Debian)."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name in _RECIPE:
            if name != "Dockerfile":
                tar.add(DATA / name, name)
        dockerfile = (DATA / "Dockerfile").read_bytes() + "".join(f"{each}\n" for each in _SETTINGS).encode()
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile))
    context.seek(0)
    engine.images.build(
        fileobj=context,
        custom_context=True,
        tag=image,
        rm=True,
        forcerm=True,
    )
