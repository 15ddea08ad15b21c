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
import functools
import inspect
import json
import sys
import types
import typing
from collections.abc import Callable
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
}
_UNIONS: tuple[Any, ...] = (Union, getattr(types, "UnionType", Union))
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable)
_SETS = (set, frozenset, collections.abc.Set)
_DICTS = (dict, collections.abc.Mapping)


def _known(module: str, name: str) -> tuple[type, ...]:
    """The class, if its module is there: nobody can mean one that nobody has imported, and importing it takes time."""
    found = sys.modules.get(module)
    return () if found is None else (getattr(found, name),)


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
        if hint in _known("uuid", "UUID"):
            return {"type": "string", "format": "uuid"}
        if hint in _known("pathlib", "Path"):
            return {"type": "string"}
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
            return self._named(hint, _typed_dict_fields(hint))
        origin = typing.get_origin(hint)
        if origin is not None:
            return self._of_generic(hint, origin, typing.get_args(hint))
        raise TypeError(
            f"octollm knows no JSON for {hint!r}: use JSON types, a dataclass, a TypedDict or a pydantic model"
        )

    def _of_generic(self, hint: Any, origin: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if _mark(hint):
            return self.of(hint.__args__[0])
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


def _typed_dict_fields(hint: Any) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(hint, include_extras=True)
    required: frozenset[str] = hint.__required_keys__

    def is_required(name: str, kind: Any) -> bool:
        # Where annotations are texts, `__required_keys__` does not know of the marks in them.
        mark = _mark(kind)
        return name in required if mark is None else mark == "Required"

    return {name: (kind, is_required(name, kind)) for name, kind in hints.items()}


def _mark(hint: Any) -> str | None:
    """``Required`` or ``NotRequired``, of ``typing`` or of ``typing_extensions``."""
    name = getattr(getattr(hint, "__origin__", None), "_name", None)
    return name if name in ("Required", "NotRequired") else None


def _is_typed_dict(hint: type) -> bool:
    return issubclass(hint, dict) and hasattr(hint, "__required_keys__")


def _is_pydantic(hint: type) -> bool:
    return hasattr(hint, "model_json_schema") or (hasattr(hint, "parse_obj") and hasattr(hint, "__fields__"))


Decode = Callable[[Any], Any]


def decode(value: Any, hint: Any) -> Any:
    """``value``, which satisfies the schema of ``hint``, as that type.

    >>> decode({"2026-01-31": 1}, dict[str, int])
    {'2026-01-31': 1}
    >>> decode(["2026-01-31"], list[datetime.date])
    [datetime.date(2026, 1, 31)]
    """
    read = decoder(hint)
    return value if read is None else read(value)


def decoder(hint: Any) -> Decode | None:
    """What makes a JSON value a ``hint``; none where it is one already. Made once per type: calls are many."""
    if not isinstance(hint, collections.abc.Hashable):
        return _make_decoder(hint)
    if hint not in _decoders:
        # A type may refer to itself: until its decoder is made, it is looked up when it is needed.
        _decoders[hint] = lambda value: decode(value, hint)
        _decoders[hint] = _make_decoder(hint)
    return _decoders[hint]


_decoders: dict[Any, Decode | None] = {}


def _make_decoder(hint: Any) -> Decode | None:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None and isinstance(hint, type):
        return _class_decoder(hint)
    if _mark(hint):
        return decoder(hint.__args__[0])
    if origin is typing.Annotated:
        return decoder(arguments[0])
    if origin in _UNIONS:
        return functools.partial(_decode_union, kinds=arguments)
    if origin in _LISTS:
        return _each(list, decoder(arguments[0]))
    if origin in _SETS:
        return _each(set, decoder(arguments[0])) or set
    if origin in _DICTS:
        read = decoder(arguments[1])
        return None if read is None else lambda value: {key: read(item) for key, item in value.items()}
    if origin is tuple:
        return functools.partial(_decode_tuple, kinds=arguments)
    return None


def _each(collect: Callable[[Any], Any], read: Decode | None) -> Decode | None:
    return None if read is None else lambda value: collect(read(item) for item in value)


def _decode_tuple(value: Any, kinds: tuple[Any, ...]) -> Any:
    each = [kinds[0]] * len(value) if Ellipsis in kinds else kinds
    return tuple(decode(item, kind) for item, kind in zip(value, each))


def _class_decoder(hint: Any) -> Decode | None:
    make: Decode = hint
    if issubclass(hint, enum.Enum):
        return make
    if _is_pydantic(hint):
        validate: Decode = hint.model_validate if hasattr(hint, "model_validate") else hint.parse_obj
        return validate
    if dataclasses.is_dataclass(hint):
        return _fields_decoder(make, {name: kind for name, (kind, _) in _dataclass_fields(hint).items()})
    if _is_typed_dict(hint):
        return _fields_decoder(dict, typing.get_type_hints(hint, include_extras=True))
    if hint is datetime.datetime:
        return lambda value: datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if hint is datetime.date:
        return datetime.date.fromisoformat
    if hint in (set, frozenset, tuple, float) or hint in _known("uuid", "UUID") + _known("pathlib", "Path"):
        return make
    return None


def _fields_decoder(make: Callable[..., Any], kinds: dict[str, Any]) -> Decode:
    readers = {name: read for name, kind in kinds.items() if (read := decoder(kind)) is not None}

    def read_fields(value: Any) -> Any:
        return make(**{name: readers[name](item) if name in readers else item for name, item in value.items()})

    return read_fields


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
    return _encoder.encode(value)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, _known("uuid", "UUID") + _known("pathlib", "PurePath")):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value) if all(isinstance(item, str) for item in value) else list(value)
    model: Any = value
    if hasattr(model, "model_dump"):
        return model.model_dump(mode="json")
    if hasattr(model, "parse_obj") and hasattr(model, "json"):
        return json.loads(model.json())
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


#: Made once: `json.dumps` makes one for every call that asks for more than its defaults.
_encoder = json.JSONEncoder(default=_plain, allow_nan=False)
