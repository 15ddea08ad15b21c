"""What tasks, arms and programs share: what is known, what was answered before, and what is near what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from . import _types
from ._errors import native

if TYPE_CHECKING:
    from ._client import OctoLLM

T = TypeVar("T")


class _Store:
    def __init__(self, octo: OctoLLM) -> None:
        self._octo = octo

    async def _ask(self, read: Callable[[Any], T], call: str, **told: Any) -> T:
        return await self._octo._await(native(self._octo._opened().memory, _call(call, told)), read)

    def _ask_sync(self, read: Callable[[Any], T], call: str, **told: Any) -> T:
        return self._octo._wait(lambda core: core.memory(_call(call, told)), read)


def _call(call: str, told: Mapping[str, Any]) -> str:
    return json.dumps({"call": call, **{name: value for name, value in told.items() if value is not None}})


class Graph(_Store):
    """The knowledge graph: named things and how they relate. Every method has a synchronous form, ``..._sync``."""

    async def put(self, entity_type: str, name: str, **properties: Any) -> _types.Entity:
        """Adds an entity, or merges the properties into the one with this name and type; None removes a property."""
        told = {"entity_type": entity_type, "name": name, "properties": properties}
        return await self._ask(_types.entity, "put_entity", **told)

    def put_sync(self, entity_type: str, name: str, **properties: Any) -> _types.Entity:
        """As :meth:`put`."""
        told = {"entity_type": entity_type, "name": name, "properties": properties}
        return self._ask_sync(_types.entity, "put_entity", **told)

    async def relate(
        self, source: _types.Entity, relationship: str, target: _types.Entity, strength: float = 1.0, **properties: Any
    ) -> _types.Relationship:
        """Adds ``source -relationship-> target``, or replaces its strength (0 to 1) and properties."""
        told = _relationship(source, relationship, target, strength, properties)
        return await self._ask(_types.relationship, "put_relationship", **told)

    def relate_sync(
        self, source: _types.Entity, relationship: str, target: _types.Entity, strength: float = 1.0, **properties: Any
    ) -> _types.Relationship:
        """As :meth:`relate`."""
        told = _relationship(source, relationship, target, strength, properties)
        return self._ask_sync(_types.relationship, "put_relationship", **told)

    async def named(self, name: str) -> list[_types.Entity]:
        """The entities with exactly this name, by type."""
        return await self._ask(_types.entities, "entities_named", name=name)

    def named_sync(self, name: str) -> list[_types.Entity]:
        """As :meth:`named`."""
        return self._ask_sync(_types.entities, "entities_named", name=name)

    async def search(self, text: str, *, entity_type: str | None = None, limit: int = 20) -> list[_types.Entity]:
        """Entities whose name contains ``text``, by name."""
        return await self._ask(_types.entities, "search_entities", text=text, entity_type=entity_type, limit=limit)

    def search_sync(self, text: str, *, entity_type: str | None = None, limit: int = 20) -> list[_types.Entity]:
        """As :meth:`search`."""
        return self._ask_sync(_types.entities, "search_entities", text=text, entity_type=entity_type, limit=limit)

    async def neighbours(
        self, entity: _types.Entity, *, limit: int = 20
    ) -> list[tuple[_types.Relationship, _types.Entity]]:
        """The relationships of an entity in both directions, strongest first, each with the other end."""
        return await self._ask(_types.neighbours, "neighbours", id=entity.id, limit=limit)

    def neighbours_sync(
        self, entity: _types.Entity, *, limit: int = 20
    ) -> list[tuple[_types.Relationship, _types.Entity]]:
        """As :meth:`neighbours`."""
        return self._ask_sync(_types.neighbours, "neighbours", id=entity.id, limit=limit)

    async def paths(
        self, source: _types.Entity, target: _types.Entity, *, max_depth: int = 3, limit: int = 10
    ) -> list[list[_types.Relationship]]:
        """Ways from one entity to another, shortest first, of ``max_depth`` (1 to 6) relationships at most."""
        told = {"from": source.id, "to": target.id, "max_depth": max_depth, "limit": limit}
        return await self._ask(_types.paths, "paths", **told)

    def paths_sync(
        self, source: _types.Entity, target: _types.Entity, *, max_depth: int = 3, limit: int = 10
    ) -> list[list[_types.Relationship]]:
        """As :meth:`paths`."""
        told = {"from": source.id, "to": target.id, "max_depth": max_depth, "limit": limit}
        return self._ask_sync(_types.paths, "paths", **told)

    async def remove(self, entity: _types.Entity) -> bool:
        """Removes an entity and its relationships; whether it was there."""
        return await self._ask(bool, "remove_entity", id=entity.id)

    def remove_sync(self, entity: _types.Entity) -> bool:
        """As :meth:`remove`."""
        return self._ask_sync(bool, "remove_entity", id=entity.id)


class Cache(_Store):
    """Answers that are kept for a while. A key is any JSON; only its hash is kept. Values are JSON."""

    async def get(self, key: Any, default: Any = None) -> Any:
        """The value, if it is there and has not expired."""
        return await self._ask(_found(default), "cache_get", key=_key(key))

    def get_sync(self, key: Any, default: Any = None) -> Any:
        """As :meth:`get`."""
        return self._ask_sync(_found(default), "cache_get", key=_key(key))

    async def set(self, key: Any, value: Any, *, ttl: float = 3600.0) -> None:
        """Keeps a value for ``ttl`` seconds."""
        await self._ask(_nothing, "cache_set", **_entry(key, value, ttl))

    def set_sync(self, key: Any, value: Any, *, ttl: float = 3600.0) -> None:
        """As :meth:`set`."""
        self._ask_sync(_nothing, "cache_set", **_entry(key, value, ttl))

    async def remove(self, key: Any) -> None:
        """Forgets a value."""
        await self._ask(_nothing, "cache_remove", key=_key(key))

    def remove_sync(self, key: Any) -> None:
        """As :meth:`remove`."""
        self._ask_sync(_nothing, "cache_remove", key=_key(key))


class Vectors(_Store):
    """Texts found by what they say, in named collections. The embedder gives them their vectors."""

    async def remember(self, collection: str, records: Iterable[_types.Record]) -> None:
        """Keeps records, replacing those with the same id: ``{"id": "1", "text": "...", "payload": {...}}``."""
        await self._ask(_nothing, "remember", collection=collection, records=list(records))

    def remember_sync(self, collection: str, records: Iterable[_types.Record]) -> None:
        """As :meth:`remember`."""
        self._ask_sync(_nothing, "remember", collection=collection, records=list(records))

    async def recall(
        self,
        collection: str,
        text: str | None = None,
        *,
        vector: list[float] | None = None,
        limit: int = 10,
        filter: dict[str, Any] | None = None,
        min_score: float | None = None,
    ) -> list[_types.Hit]:
        """What is near a text or a vector, nearest first. ``filter`` has conditions on the payload."""
        told = {"collection": collection, "text": text, "vector": vector, "limit": limit, "filter": filter}
        return await self._ask(_types.hits, "recall", **told, min_score=min_score)

    def recall_sync(
        self,
        collection: str,
        text: str | None = None,
        *,
        vector: list[float] | None = None,
        limit: int = 10,
        filter: dict[str, Any] | None = None,
        min_score: float | None = None,
    ) -> list[_types.Hit]:
        """As :meth:`recall`."""
        told = {"collection": collection, "text": text, "vector": vector, "limit": limit, "filter": filter}
        return self._ask_sync(_types.hits, "recall", **told, min_score=min_score)

    async def forget(self, collection: str, ids: Iterable[str]) -> None:
        """Removes records by id."""
        await self._ask(_nothing, "forget", collection=collection, ids=list(ids))

    def forget_sync(self, collection: str, ids: Iterable[str]) -> None:
        """As :meth:`forget`."""
        self._ask_sync(_nothing, "forget", collection=collection, ids=list(ids))

    async def count(self, collection: str) -> int:
        """How many records a collection has; 0 for an unknown one."""
        return await self._ask(int, "count", collection=collection)

    def count_sync(self, collection: str) -> int:
        """As :meth:`count`."""
        return self._ask_sync(int, "count", collection=collection)

    async def drop(self, collection: str) -> None:
        """Removes a collection and everything in it."""
        await self._ask(_nothing, "drop_collection", collection=collection)

    def drop_sync(self, collection: str) -> None:
        """As :meth:`drop`."""
        self._ask_sync(_nothing, "drop_collection", collection=collection)

    async def embed(self, texts: Iterable[str]) -> list[list[float]]:
        """One vector of length 1 for each text."""
        return await self._ask(list, "embed", texts=list(texts))

    def embed_sync(self, texts: Iterable[str]) -> list[list[float]]:
        """As :meth:`embed`."""
        return self._ask_sync(list, "embed", texts=list(texts))


class Memory:
    """An orchestrator's memory, shared by its tasks and arms; of one in this process only."""

    def __init__(self, octo: OctoLLM) -> None:
        #: What is known.
        self.graph = Graph(octo)
        #: What was answered before.
        self.cache = Cache(octo)
        #: What is near what.
        self.vectors = Vectors(octo)

    def __repr__(self) -> str:
        return "<memory: graph, cache, vectors>"


def _relationship(
    source: _types.Entity, relationship: str, target: _types.Entity, strength: float, properties: dict[str, Any]
) -> dict[str, Any]:
    ends = {"from_entity_id": source.id, "to_entity_id": target.id}
    return {**ends, "relationship_type": relationship, "strength": strength, "properties": properties}


def _entry(key: Any, value: Any, ttl: float) -> dict[str, Any]:
    # Within an array: a value that is None must be sent, too.
    return {"key": _key(key), "value": [value], "ttl_seconds": ttl}


def _key(key: Any) -> list[Any]:
    return [key]


def _found(default: Any) -> Callable[[Any], Any]:
    return lambda found: default if found is None else found["value"][0]


def _nothing(_: Any) -> None:
    return None
