"""JSON Schemas out of type hints, and values in and out of JSON by the same hints.

Known are the JSON types, ``Any``, ``Optional`` and ``Union``, ``Literal``, enums, lists, tuples, sets and dicts,
``TypedDict``, dataclasses, dates, UUIDs and paths, ``Annotated`` (a text in it describes), and pydantic's models of
versions 1 and 2 where pydantic is there.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import inspect
import json
import pathlib
import types
import typing
import uuid
from typing import Any, Union

_PLAIN: dict[Any, dict[str, Any]] = {
    Any: {},
    object: {},
    inspect.Parameter.empty: {},
    type(None): {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    dict: {"type": "object"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    set: {"type": "array", "uniqueItems": True},
    frozenset: {"type": "array", "uniqueItems": True},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    pathlib.Path: {"type": "string"},
}
_UNIONS: tuple[Any, ...] = (Union, getattr(types, "UnionType", Union))
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable)
_SETS = (set, frozenset, collections.abc.Set)
_DICTS = (dict, collections.abc.Mapping)


class Schemas:
    """Makes schemas whose named parts stand in ``$defs``, so that types may refer to themselves."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def document(self, hint: Any) -> dict[str, Any]:
        """A whole schema for ``hint``."""
        return self.finish(self.of(hint))

    def finish(self, schema: dict[str, Any]) -> dict[str, Any]:
        """``schema`` with the definitions that its parts refer to."""
        return {**schema, "$defs": self.definitions} if self.definitions else schema

    def of(self, hint: Any) -> dict[str, Any]:
        """The schema of one type."""
        if isinstance(hint, collections.abc.Hashable) and hint in _PLAIN:
            return dict(_PLAIN[hint])
        if isinstance(hint, type):
            return self._of_class(hint)
        return self._of_generic(hint, typing.get_origin(hint), typing.get_args(hint))

    def _of_class(self, hint: type) -> dict[str, Any]:
        if issubclass(hint, enum.Enum):
            return {"enum": [member.value for member in hint]}
        if _is_pydantic(hint):
            return self._of_pydantic(hint)
        if dataclasses.is_dataclass(hint):
            return self._named(hint, _dataclass_fields(hint))
        if _is_typed_dict(hint):
            required: frozenset[str] = getattr(hint, "__required_keys__")
            hints = typing.get_type_hints(hint, include_extras=True)
            return self._named(hint, {name: (kind, name in required) for name, kind in hints.items()})
        origin = typing.get_origin(hint)
        if origin is not None:
            return self._of_generic(hint, origin, typing.get_args(hint))
        raise TypeError(
            f"octollm knows no JSON for {hint!r}: use JSON types, a dataclass, a TypedDict or a pydantic model"
        )

    def _of_generic(self, hint: Any, origin: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if origin is typing.Annotated:
            described = [note for note in arguments[1:] if isinstance(note, str)]
            schema = self.of(arguments[0])
            return {**schema, "description": described[0]} if described else schema
        if origin in _UNIONS:
            return {"anyOf": [self.of(argument) for argument in arguments]}
        if origin is typing.Literal:
            return {"enum": list(arguments)}
        if origin in _LISTS:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin in _SETS:
            return {"type": "array", "items": self.of(arguments[0]), "uniqueItems": True}
        if origin in _DICTS:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if origin is tuple:
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                return {"type": "array", "items": self.of(arguments[0])}
            count = len(arguments)
            return {
                "type": "array",
                "prefixItems": [self.of(argument) for argument in arguments],
                "minItems": count,
                "maxItems": count,
            }
        if origin in (typing.Required, typing.NotRequired) if hasattr(typing, "Required") else False:
            return self.of(arguments[0])
        raise TypeError(f"octollm knows no JSON for {hint!r}")

    def _named(self, hint: type, fields: dict[str, tuple[Any, bool]]) -> dict[str, Any]:
        if hint not in self._names:
            name = hint.__name__
            while name in self.definitions:
                name += "_"
            self._names[hint] = name
            self.definitions[name] = {}
            self.definitions[name] = object_schema(
                {field: self.of(kind) for field, (kind, _) in fields.items()},
                [field for field, (_, required) in fields.items() if required],
            )
        return {"$ref": f"#/$defs/{self._names[hint]}"}

    def _of_pydantic(self, hint: Any) -> dict[str, Any]:
        if hasattr(hint, "model_json_schema"):
            schema = dict(hint.model_json_schema())
        else:
            schema = dict(hint.schema(ref_template="#/$defs/{model}"))
        for key in ("$defs", "definitions"):
            self.definitions.update(schema.pop(key, {}))
        return schema


def object_schema(properties: dict[str, Any], required: list[str], closed: bool = True) -> dict[str, Any]:
    """An object with these properties and, if closed, no others."""
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    return {**schema, "additionalProperties": False} if closed else schema


def _dataclass_fields(hint: Any) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(hint, include_extras=True)
    missing = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(hint)
        if field.init
    }


def _is_typed_dict(hint: type) -> bool:
    return issubclass(hint, dict) and hasattr(hint, "__required_keys__")


def _is_pydantic(hint: type) -> bool:
    return hasattr(hint, "model_json_schema") or (hasattr(hint, "parse_obj") and hasattr(hint, "__fields__"))


def decode(value: Any, hint: Any) -> Any:
    """``value``, which satisfies the schema of ``hint``, as that type."""
    if isinstance(hint, type):
        return _decode_class(value, hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return decode(value, arguments[0])
    if origin in _UNIONS:
        return _decode_union(value, arguments)
    if origin in _LISTS:
        return [decode(item, arguments[0]) for item in value]
    if origin in _SETS:
        return {decode(item, arguments[0]) for item in value}
    if origin in _DICTS:
        return {key: decode(item, arguments[1]) for key, item in value.items()}
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if Ellipsis in arguments else arguments
        return tuple(decode(item, kind) for item, kind in zip(value, kinds))
    return value


def _decode_class(value: Any, hint: Any) -> Any:
    if issubclass(hint, enum.Enum):
        return hint(value)
    if _is_pydantic(hint):
        return hint.model_validate(value) if hasattr(hint, "model_validate") else hint.parse_obj(value)
    if dataclasses.is_dataclass(hint):
        fields = _dataclass_fields(hint)
        return hint(**{name: decode(item, fields[name][0]) for name, item in value.items()})
    if _is_typed_dict(hint):
        hints = typing.get_type_hints(hint)
        return {name: decode(item, hints[name]) for name, item in value.items()}
    if hint in (datetime.datetime, datetime.date):
        return hint.fromisoformat(value.replace("Z", "+00:00") if hint is datetime.datetime else value)
    if hint in (uuid.UUID, pathlib.Path, set, frozenset, tuple):
        return hint(value)
    if hint is float:
        return float(value)
    return value


def _decode_union(value: Any, kinds: tuple[Any, ...]) -> Any:
    if value is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is type(None) or not _fits(value, kind):
            continue
        try:
            return decode(value, kind)
        except (TypeError, ValueError, KeyError, AttributeError):
            continue
    return value


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value of this JSON type can be of ``kind`` at all."""
    if kind in (str, bool):
        return isinstance(value, kind)
    if kind in (int, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return True


def encode(value: Any) -> str:
    """``value`` as JSON.

    >>> encode({"day": datetime.date(2026, 1, 31), "tags": {"a"}})
    '{"day": "2026-01-31", "tags": ["a"]}'
    """
    return json.dumps(value, default=_plain, allow_nan=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, pathlib.Path)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value) if all(isinstance(item, str) for item in value) else list(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "parse_obj") and hasattr(value, "json"):
        return json.loads(value.json())
    raise TypeError(f"an answer of type {type(value).__name__} cannot be written as JSON")
