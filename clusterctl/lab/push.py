"""Pushing one image to a registry without an engine: OCI distribution, Docker's schema 2.

Plain HTTP and no login: the registry is the lab's own, on the loopback interface.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from clusterctl.errors import LabError

_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_TIMEOUT_S = 60


def digest_of(content: bytes) -> str:
    """Return the digest of some bytes as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in the registry at `address` (HOST:PORT)."""

    address: str
    name: str

    def push(self, tag: str, config: bytes, layer: bytes) -> str:
        """Push an image of one gzipped layer; return its digest."""
        self._blob(layer)
        self._blob(config)
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST_TYPE,
                "config": _descriptor(_CONFIG_TYPE, config),
                "layers": [_descriptor(_LAYER_TYPE, layer)],
            }
        ).encode()
        self._ask("PUT", f"manifests/{tag}", manifest, _MANIFEST_TYPE, wanted=http.client.CREATED)
        return digest_of(manifest)

    def tags(self) -> list[str]:
        """Return the tags that the repository has; none if there is no such repository."""
        answer = self._ask("GET", "tags/list")
        return list(json.loads(answer.body).get("tags") or []) if answer.status == http.client.OK else []

    def _blob(self, content: bytes) -> None:
        digest = digest_of(content)
        if self._ask("HEAD", f"blobs/{digest}").status == http.client.OK:
            return
        begun = self._ask("POST", "blobs/uploads/", wanted=http.client.ACCEPTED)
        joint = "&" if urlsplit(begun.location).query else "?"
        self._ask(
            "PUT",
            f"{begun.location}{joint}digest={digest}",
            content,
            "application/octet-stream",
            wanted=http.client.CREATED,
        )

    def _ask(self, method: str, path: str, body: bytes = b"", kind: str = "", *, wanted: int = 0) -> _Answer:
        connection = http.client.HTTPConnection(self.address, timeout=_TIMEOUT_S)
        try:
            connection.request(method, self._target(path), body, {"Content-Type": kind} if kind else {})
            response = connection.getresponse()
            answer = _Answer(response.status, response.headers.get("Location", ""), response.read())
        except (OSError, http.client.HTTPException) as error:
            raise LabError(
                f"the lab's registry at {self.address} does not answer", details=[str(error)]
            ) from error
        finally:
            connection.close()
        if wanted and answer.status != wanted:
            raise LabError(
                f"the lab's registry refused {method} {self.name}/{path}: {answer.status}",
                details=[answer.body.decode(errors="replace")[:400]],
            )
        return answer

    def _target(self, path: str) -> str:
        """Return the path to ask for; an upload goes on at the URL, absolute or not, that the registry told."""
        if path.startswith(("http:", "/")):
            parts = urlsplit(path)
            return f"{parts.path}?{parts.query}"
        return f"/v2/{self.name}/{path}"


def _descriptor(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(content), "digest": digest_of(content)}
