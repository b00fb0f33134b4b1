"""What the registry said of image references, asked by the host itself: it must be able to pull from there.

Formats: `GET /distribution/{name}/json` of the Engine API, and docker-manifest-inspect(1) as the spare way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clusterctl.model.snapshot import Resolved
from clusterctl.remote.answer import BadAnswerError, strict_json
from clusterctl.remote.frame import TIMED_OUT, Section
from clusterctl.remote.text import first_line

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def parse_registry(sections: Mapping[str, Section]) -> dict[str, Resolved]:
    """Return image reference -> what the registry said of it; raises BadAnswerError."""
    names = (key.removeprefix("resolve:") for key in sections if key.startswith("resolve:"))
    return {name: _resolved(sections, name) for name in names if not name.endswith(".error")}


def _resolved(sections: Mapping[str, Section], image: str) -> Resolved:
    manifest = sections.get(f"manifest:{image}")
    if manifest is not None and manifest.rc == 0:
        return _from_manifest(manifest)
    asked = sections[f"resolve:{image}"]
    if asked.rc == 0:
        return _from_engine(asked)
    return Resolved(error=_why_not(sections, image, asked.rc))


def _from_engine(section: Section) -> Resolved:
    """Read the engine's answer, followed by a line with the HTTP status."""
    body, _, status = section.text.strip().rpartition("\n")
    try:
        answer = strict_json(body.strip() or "null")
    except BadAnswerError:
        answer = None
    descriptor = answer.get("Descriptor") if isinstance(answer, dict) else None
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if status == "200" and isinstance(digest, str) and _DIGEST.fullmatch(digest):
        return Resolved(digest=digest)
    message = answer.get("message") if isinstance(answer, dict) else None
    return Resolved(
        error=first_line(str(message or f"the engine answers {f'HTTP {status}' if status else 'nothing'}"))
    )


def _from_manifest(section: Section) -> Resolved:
    """Read `docker manifest inspect -v`: one object, or a list for several platforms."""
    answer = strict_json(section.text)
    descriptor = answer.get("Descriptor") if isinstance(answer, dict) else None
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if isinstance(digest, str) and _DIGEST.fullmatch(digest):
        return Resolved(digest=digest)
    return Resolved(error="an image for several platforms cannot be resolved without curl on the host")


def _why_not(sections: Mapping[str, Section], image: str, code: int) -> str:
    if code in TIMED_OUT or code == 28:
        return "the registry did not answer within 10 s"
    if code == 7:
        return "docker does not answer, so the registry was not asked"
    if code == 127:
        other = sections.get(f"manifest:{image}.error")
        said = f", and docker manifest says: {first_line(other.body)}" if other else ""
        return f"cannot ask the registry: curl is missing{said}"
    error = sections.get(f"resolve:{image}.error")
    return (error and first_line(error.body)) or f"curl ended with {code}"
