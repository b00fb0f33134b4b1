"""rpm-ostree, bootc and Flatcar: the whole system is one image, so an update is one change. Against recorded output only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clusterctl.model.packages import PackageChange
from clusterctl.remote.answer import BadAnswerError, strict_json
from clusterctl.remote.frame import Section

Sections = Mapping[str, Section]
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:/@~-]{0,200}")
_REBOOT = ("an image is staged",)


class RpmOstree:
    """Fedora CoreOS and its kin (rpm-ostree status --json)."""

    def pending(self, sections: Sections) -> tuple[PackageChange, ...]:
        """Return the newer deployment that `upgrade --check` found or that is staged."""
        status = _json(sections)
        booted: dict[str, Any] = next((each for each in status["deployments"] if each.get("booted")), {})
        cached = status.get("cached-update") or {}
        new = str(cached.get("version") or "")
        old = str(booted.get("version") or "")
        if not new or new == old:
            return ()
        security = bool(cached.get("advisories"))
        return (PackageChange(_word(str(booted.get("osname", "os"))), _word(old), _word(new), security),)

    def auto_reboot(self, sections: Sections) -> bool:
        """Return whether a driver such as zincati, or a policy, reboots the host."""
        driver = str(_json(sections).get("update-driver") or "")
        return bool(driver)

    def needs_reboot(self, sections: Sections) -> tuple[str, ...]:
        """Return a reason where a staged deployment waits for the next boot."""
        return _REBOOT if any(each.get("staged") for each in _json(sections)["deployments"]) else ()


class Bootc:
    """Systems that boot a container image (bootc status --format json)."""

    def pending(self, sections: Sections) -> tuple[PackageChange, ...]:
        """Return the newer image that `upgrade --check` found or that is staged."""
        status = _json(sections)["status"]
        booted = _image(status, "booted")
        staged = _image(status, "staged")
        entry = (status.get("booted") or {}).get("cachedUpdate") or {}
        new = staged.get("imageDigest") or entry.get("imageDigest") or ""
        old = booted.get("imageDigest", "")
        if not new or new == old:
            return ()
        name = (booted.get("image") or {}).get("image", "os")
        return (PackageChange(_word(name), _word(old), _word(new)),)

    def auto_reboot(self, sections: Sections) -> bool:
        """Return False: whether bootc-fetch-apply-updates.timer is on is not in its status."""
        del sections
        return False

    def needs_reboot(self, sections: Sections) -> tuple[str, ...]:
        """Return a reason where a staged image waits for the next boot."""
        return _REBOOT if _json(sections)["status"].get("staged") else ()


class Flatcar:
    """Flatcar: the passive partition gets the new image (update_engine_client -status)."""

    def pending(self, sections: Sections) -> tuple[PackageChange, ...]:
        """Return the version that the update engine has found or written."""
        said = _pairs(sections, "packages.status")
        new = said.get("NEW_VERSION", "0.0.0")
        old = _pairs(sections, "packages.release").get("FLATCAR_RELEASE_VERSION", "")
        if said.get("CURRENT_OP", "") == "UPDATE_STATUS_IDLE" or new in {"", "0.0.0", old}:
            return ()
        return (PackageChange("flatcar", _word(old), _word(new)),)

    def auto_reboot(self, sections: Sections) -> bool:
        """Return whether locksmith may reboot the host: it may unless REBOOT_STRATEGY is off."""
        return _pairs(sections, "packages.auto").get("REBOOT_STRATEGY", "reboot") != "off"

    def needs_reboot(self, sections: Sections) -> tuple[str, ...]:
        """Return a reason where the new image waits for the next boot."""
        operation = _pairs(sections, "packages.status").get("CURRENT_OP")
        return _REBOOT if operation == "UPDATE_STATUS_UPDATED_NEED_REBOOT" else ()


def _json(sections: Sections) -> dict[str, Any]:
    try:
        found = strict_json(sections["packages.status"].text)
    except BadAnswerError as error:
        raise ValueError(str(error)) from None
    if not isinstance(found, dict):
        raise TypeError("a status that is no object")
    return found


def _image(status: dict[str, Any], which: str) -> dict[str, Any]:
    return (status.get(which) or {}).get("image") or {}


def _pairs(sections: Sections, name: str) -> dict[str, str]:
    text = sections[name].text if name in sections else ""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"no version: {text[:100]!r}")
    return text
