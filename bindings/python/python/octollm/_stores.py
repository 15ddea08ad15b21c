"""Stores in Python: where memory is kept, if not in OctoLLM's own file.

Each is an object with the methods of its protocol, all of them synchronous (then they are called from several threads at
once) or all of them coroutines (then they run on the event loop). What the contract asks of every store is checked before
a store is called: lengths of vectors, names, strengths. What a store raises is a :class:`octollm.StorageError`, unless it
raises an :class:`octollm.OctoLLMError` itself.

The journal is always OctoLLM's own file: it decides what is durable before what.
"""

from __future__ import annotations

import base64
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, Union, runtime_checkable

from . import _types
from ._parts import Part

T = TypeVar("T")
#: What a method answers: at once, or awaited.
Soon = Union[T, Awaitable[T]]


def _admits(conditions: dict[str, Any], labels: dict[str, Any]) -> bool:
    return all(name in labels and _is(wanted, labels[name]) for name, wanted in conditions.items())


def _is(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, list):
        return any(_is(one, value) for one in wanted)
    if isinstance(wanted, str) and wanted.endswith("*") and isinstance(value, str):
        return value.startswith(wanted[:-1])
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)


@dataclass(frozen=True)
class CollectionSpec:
    """What the vectors of a collection are."""

    #: The embedder's id, with its version.
    embedder: str
    #: Length of every vector.
    dimensions: int


@dataclass(frozen=True)
class VectorRecord:
    """A vector with what it stands for."""

    id: str
    #: Of the collection's length, every value finite; need not be normalised.
    vector: list[float]
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VectorQuery:
    """What to look for.

    >>> query = VectorQuery([1.0, 0.0], limit=3, filter={"source": "docs/*", "year": [2025, 2026]})
    >>> query.admits({"source": "docs/a.md", "year": 2026}), query.admits({"year": 2026})
    (True, False)
    """

    vector: list[float]
    #: Records at most, 1 or more.
    limit: int
    #: Conditions on the payload, see :meth:`admits`.
    filter: dict[str, Any] = field(default_factory=dict)
    #: Only records at least this similar, -1 to 1.
    min_score: float | None = None

    def admits(self, payload: dict[str, Any]) -> bool:
        """Whether all conditions hold: a list stands for any of its entries, a text that ends in ``*`` for a beginning."""
        return _admits(self.filter, payload)


@dataclass(frozen=True)
class Document:
    """A document, without its text."""

    #: Where it came from; unique in its collection.
    source: str
    #: SHA-256 of its content.
    content_hash: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """A piece of a document, small enough to be found and cited."""

    #: Unique in its collection.
    id: str
    #: The document's.
    source: str
    content: str
    start_line: int
    end_line: int
    #: Labels. A text ``heading`` is to be searched like the content.
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KeywordQuery:
    """Words to look for."""

    #: Any text; its punctuation is not syntax.
    text: str
    #: Chunks at most, 1 or more.
    limit: int
    #: Conditions on a chunk's labels, see :meth:`admits`.
    filter: dict[str, Any] = field(default_factory=dict)

    def admits(self, metadata: dict[str, Any]) -> bool:
        """Whether all conditions hold, as for :meth:`VectorQuery.admits`."""
        return _admits(self.filter, metadata)


@runtime_checkable
class Cache(Protocol):
    """Keeps what was answered before, each value for its own time. It may forget a value earlier."""

    def get(self, key: str, /) -> Soon[bytes | None]:
        """The value, if it is there and its time is not up."""
        ...

    def set(self, key: str, value: bytes, ttl: float, /) -> Soon[None]:
        """Keeps a value for ``ttl`` seconds (more than 0), replacing what was there."""
        ...

    def remove(self, key: str, /) -> Soon[None]:
        """Forgets a value; an unknown key is no error."""
        ...


@runtime_checkable
class VectorStore(Protocol):
    """Keeps vectors in named collections, found by cosine similarity."""

    def spec(self, collection: str, /) -> Soon[CollectionSpec | None]:
        """The collection's spec, if there is such a collection."""
        ...

    def create(self, collection: str, spec: CollectionSpec, /) -> Soon[None]:
        """Makes a collection that is not there yet."""
        ...

    def drop(self, collection: str, /) -> Soon[None]:
        """Removes a collection and everything in it; an unknown one is no error."""
        ...

    def upsert(self, collection: str, records: list[VectorRecord], /) -> Soon[None]:
        """Adds records, replacing those with the same id."""
        ...

    def search(self, collection: str, query: VectorQuery, /) -> Soon[Iterable[_types.Hit]]:
        """The nearest of the records that the query admits. A vector of nothing but zeros is near nothing."""
        ...

    def missing(self, collection: str, ids: list[str], /) -> Soon[Sequence[str]]:
        """Those of ``ids`` that have no record, in this order."""
        ...

    def delete(self, collection: str, ids: list[str], /) -> Soon[None]:
        """Removes records; unknown ids are no error."""
        ...

    def count(self, collection: str, /) -> Soon[int]:
        """How many records there are."""
        ...


@runtime_checkable
class DocumentStore(Protocol):
    """Keeps documents in chunks in named collections, found by their words."""

    def put(self, collection: str, document: Document, chunks: list[Chunk], /) -> Soon[None]:
        """Adds a document, replacing the one with its source: a reader finds all of the one or all of the other."""
        ...

    def remove(self, collection: str, sources: list[str], /) -> Soon[Sequence[str]]:
        """Removes documents; answers the ids of the chunks that are gone. Unknown sources are no error."""
        ...

    def documents(self, collection: str, /) -> Soon[Iterable[tuple[Document, int]]]:
        """Every document with the number of its chunks, by source."""
        ...

    def search(self, collection: str, query: KeywordQuery, /) -> Soon[Iterable[tuple[Chunk, float]]]:
        """The chunks that match the words best, each with its score. No words, no chunks."""
        ...

    def chunks(self, collection: str, ids: list[str], /) -> Soon[Iterable[Chunk]]:
        """These chunks, in this order; unknown ids are left out."""
        ...

    def scan(self, collection: str, after: str | None, limit: int, /) -> Soon[Iterable[Chunk]]:
        """Every chunk with an id above ``after``, by id, ``limit`` at most."""
        ...


@runtime_checkable
class KnowledgeGraph(Protocol):
    """Keeps named things and how they relate. Ids are UUIDs; entities and relationships carry their times."""

    def put_entity(self, entity_type: str, name: str, properties: dict[str, Any], /) -> Soon[_types.Entity]:
        """Adds an entity, or merges the properties into the one with this name and type; None removes a property."""
        ...

    def put_relationship(
        self, source: str, relationship_type: str, target: str, strength: float, properties: dict[str, Any], /
    ) -> Soon[_types.Relationship | None]:
        """Adds a relationship, or replaces strength and properties; None if an end does not exist."""
        ...

    def entities_named(self, name: str, /) -> Soon[Iterable[_types.Entity]]:
        """The entities with exactly this name, by type."""
        ...

    def search_entities(self, text: str, entity_type: str | None, limit: int, /) -> Soon[Iterable[_types.Entity]]:
        """Entities whose name contains ``text`` in upper or lower case, by name, ``limit`` at most."""
        ...

    def neighbours(self, entity_id: str, limit: int, /) -> Soon[Iterable[tuple[_types.Relationship, _types.Entity]]]:
        """The relationships in both directions, strongest first, each with the other end."""
        ...

    def paths(
        self, source: str, target: str, max_depth: int, limit: int, /
    ) -> Soon[Iterable[Sequence[_types.Relationship]]]:
        """Paths along the relationships' direction, shortest first, that visit nothing twice. The work must be bounded."""
        ...

    def remove_entity(self, entity_id: str, /) -> Soon[bool]:
        """Removes an entity and its relationships; answers whether it was there."""
        ...


#: A call's name: its arguments out of the call's JSON, and its answer as JSON.
Calls = dict[str, tuple[Callable[[dict[str, Any]], tuple[Any, ...]], Callable[[Any], Any]]]


def _nothing(_: Any) -> None:
    return None


def _same(said: Any) -> Any:
    return said


def _base64(said: bytes | None) -> str | None:
    return None if said is None else base64.b64encode(said).decode()


def _hits(said: Iterable[_types.Hit]) -> list[dict[str, Any]]:
    return [{"id": hit.id, "score": hit.score, "payload": hit.payload} for hit in said]


def _infos(said: Iterable[tuple[Document, int]]) -> list[dict[str, Any]]:
    return [{**vars(document), "chunks": chunks} for document, chunks in said]


def _found(said: Iterable[tuple[Chunk, float]]) -> list[dict[str, Any]]:
    return [{"chunk": chunk, "score": score} for chunk, score in said]


def _each(said: Iterable[Iterable[Any]]) -> list[list[Any]]:
    return [list(one) for one in said]


_CACHE: Calls = {
    "get": (lambda call: (call["key"],), _base64),
    "set": (lambda call: (call["key"], base64.b64decode(call["value"]), call["ttl"]), _nothing),
    "remove": (lambda call: (call["key"],), _nothing),
}


def _query(call: dict[str, Any]) -> VectorQuery:
    return VectorQuery(call["vector"], call["limit"], call["filter"], call["min_score"])


def _records(call: dict[str, Any]) -> list[VectorRecord]:
    return [VectorRecord(**record) for record in call["records"]]


_VECTORS: Calls = {
    "spec": (lambda call: (call["collection"],), _same),
    "create": (lambda call: (call["collection"], CollectionSpec(**call["spec"])), _nothing),
    "drop": (lambda call: (call["collection"],), _nothing),
    "upsert": (lambda call: (call["collection"], _records(call)), _nothing),
    "search": (lambda call: (call["collection"], _query(call)), _hits),
    "missing": (lambda call: (call["collection"], call["ids"]), list),
    "delete": (lambda call: (call["collection"], call["ids"]), _nothing),
    "count": (lambda call: (call["collection"],), _same),
}


def _document(call: dict[str, Any]) -> tuple[Document, list[Chunk]]:
    return Document(**call["document"]), [Chunk(**chunk) for chunk in call["chunks"]]


_DOCUMENTS: Calls = {
    "put": (lambda call: (call["collection"], *_document(call)), _nothing),
    "remove": (lambda call: (call["collection"], call["sources"]), list),
    "documents": (lambda call: (call["collection"],), _infos),
    "search": (
        lambda call: (call["collection"], KeywordQuery(call["text"], call["limit"], call["filter"])),
        _found,
    ),
    "chunks": (lambda call: (call["collection"], call["ids"]), list),
    "scan": (lambda call: (call["collection"], call["after"], call["limit"]), list),
}


def _ends(told: dict[str, Any]) -> tuple[Any, ...]:
    kind, strength, properties = told["relationship_type"], told["strength"], told["properties"]
    return told["from_entity_id"], kind, told["to_entity_id"], strength, properties


_GRAPH: Calls = {
    "put_entity": (
        lambda call: (call["entity"]["entity_type"], call["entity"]["name"], call["entity"]["properties"]),
        _same,
    ),
    "put_relationship": (lambda call: _ends(call["relationship"]), _same),
    "entities_named": (lambda call: (call["name"],), list),
    "search_entities": (lambda call: (call["text"], call["entity_type"], call["limit"]), list),
    "neighbours": (lambda call: (call["id"], call["limit"]), _each),
    "paths": (lambda call: (call["from"], call["to"], call["max_depth"], call["limit"]), _each),
    "remove_entity": (lambda call: (call["id"],), _same),
}

_KINDS = {"cache": _CACHE, "vectors": _VECTORS, "documents": _DOCUMENTS, "graph": _GRAPH}


def store_part(what: str, store: Any) -> Part:
    """A store as it is registered. It must have every method of its kind."""
    calls = _KINDS[what]
    methods = {name: _method(what, store, name) for name in calls}
    kinds = {inspect.iscoroutinefunction(method) for method in methods.values()}
    if len(kinds) > 1:
        raise TypeError(f"the methods of {type(store).__name__} must all be coroutines, or none of them")
    if hasattr(store, "ping"):
        methods["ping"] = store.ping

    def begin(call: dict[str, Any]) -> Any:
        name = call["call"]
        if name == "ping":
            return methods[name]() if name in methods else None
        return methods[name](*calls[name][0](call))

    async def begin_async(call: dict[str, Any]) -> Any:
        said = begin(call)
        return await said if inspect.isawaitable(said) else said

    def end(said: Any, call: dict[str, Any]) -> Any:
        return None if call["call"] == "ping" else calls[call["call"]][1](said)

    return Part(what, {}, begin_async if True in kinds else begin, _same, end)


def _method(what: str, store: Any, name: str) -> Callable[..., Any]:
    method = getattr(store, name, None)
    if not callable(method):
        raise TypeError(f"{type(store).__name__} cannot be the store of the {what}: it has no method `{name}`")
    return method  # type: ignore[no-any-return]


def stores(
    cache: Cache | None, vectors: VectorStore | None, documents: DocumentStore | None, graph: KnowledgeGraph | None
) -> list[Part]:
    """The stores that there are."""
    named = {"cache": cache, "vectors": vectors, "documents": documents, "graph": graph}
    return [store_part(what, store) for what, store in named.items() if store is not None]
