"""Values of the model as plain JSON values and back, so that a manifest or an intent can be kept on a host.

A field that the text lacks takes its default, so that what an older release wrote can be read; one that
the model lacks is an error, since a newer release meant something by it.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import types
import typing
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

T = TypeVar("T")
_LONGEST_NAME = 60
_LARGEST = 10**15
"""Seconds, bytes and counts beyond this, infinity and NaN are no values of ours: hosts may write any number."""


class NotPlainError(ValueError):
    """A plain value is not of the type that was asked for."""


class NewerError(NotPlainError):
    """A plain value has a field that the model lacks; its message holds names only, never a value."""


def to_plain(value: Any) -> Any:
    """Return a value of the model as lists, dicts with text keys, texts, numbers; bytes as base64."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def without_defaults(value: Any) -> Any:
    """Return a value as JSON can hold it; of dataclasses only the fields that differ from their default.

    So a field added to the model in a later release changes nothing of what was written before (ADR 0030).
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: without_defaults(item) for field, item in fields if item != _default(field)}
    if isinstance(value, Mapping):
        return {key: without_defaults(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [without_defaults(item) for item in value]
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def to_line(value: Any) -> str:
    """Return a plain value as one line of ASCII: JSON that is the same for the same value.

    A word of a command line that is no UTF-8 (PEP 383) survives in it too.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def from_plain(kind: type[T], plain: Any) -> T:
    """Return the value of a dataclass of the model; raises NotPlainError where the plain value does not fit."""
    value: T = _read(kind, plain)
    return value


def _read(kind: Any, plain: Any) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read_dataclass(kind, plain)
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _read_union(get_args(kind), plain)
    if origin is Literal:
        return _demand(plain in get_args(kind), kind, plain)
    if origin is tuple:
        return _read_tuple(get_args(kind), plain)
    if origin is not None and issubclass(origin, Mapping):
        _demand(isinstance(plain, dict), kind, plain)
        return {key: _read(get_args(kind)[1], item) for key, item in plain.items()}
    return _read_scalar(kind, plain)


def _read_scalar(kind: Any, plain: Any) -> Any:
    if kind is type(None):
        return _demand(plain is None, kind, plain)
    if kind is bytes:
        _demand(isinstance(plain, str), kind, plain)
        return _bytes(plain)
    if type(plain) is kind or (kind is float and type(plain) is int):
        _demand(kind not in {int, float} or -_LARGEST <= plain <= _LARGEST, kind, plain)
        return float(plain) if kind is float else plain
    raise NotPlainError(f"expected {kind}, got {str(plain)[:60]}")


def _bytes(plain: str) -> bytes:
    try:
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotPlainError(f"not base64: {error}") from None


def _read_tuple(kinds: tuple[Any, ...], plain: Any) -> tuple[Any, ...]:
    _demand(isinstance(plain, list), tuple, plain)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], item) for item in plain)
    _demand(len(kinds) == len(plain), tuple, plain)
    return tuple(_read(kind, item) for kind, item in zip(kinds, plain, strict=True))


def _read_union(kinds: tuple[Any, ...], plain: Any) -> Any:
    newer: NewerError | None = None
    for kind in kinds:
        try:
            return _read(kind, plain)
        except NewerError as error:
            newer = error
        except NotPlainError:
            continue
    raise newer or NotPlainError(f"none of {len(kinds)} types fits {str(plain)[:60]}")


def _read_dataclass(kind: type[Any], plain: Any) -> Any:
    _demand(isinstance(plain, dict), kind, plain)
    hints = _hints(typing.cast("Hashable", kind))
    unknown = sorted(set(plain) - set(hints))
    if unknown:
        raise NewerError(f"{kind.__name__} has no field {unknown[0][:_LONGEST_NAME]}")
    try:
        return kind(**{name: _read(hints[name], item) for name, item in plain.items()})
    except TypeError as error:  # a field without a default is missing
        raise NotPlainError(f"{kind.__name__}: {error}") from None


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(typing.cast("type[Any]", kind))}


def _demand(fits: bool, kind: Any, plain: Any) -> Any:  # noqa: FBT001 - an assertion
    if not fits:
        raise NotPlainError(f"expected {kind}, got {str(plain)[:60]}")
    return plain
