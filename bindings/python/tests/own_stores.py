"""Stores in Python as small as can be, for tests: in the process, with a lock around everything."""

from __future__ import annotations

import datetime
import functools
import heapq
import inspect
import math
import re
import threading
import time
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from octollm import (
    Chunk,
    CollectionSpec,
    Document,
    Entity,
    Hit,
    KeywordQuery,
    Relationship,
    VectorQuery,
    VectorRecord,
)

Kind = TypeVar("Kind", bound=type)
Method = TypeVar("Method", bound=Callable[..., Any])


def _locked(method: Method) -> Method:
    @functools.wraps(method)
    def within(self: Any, *arguments: Any) -> Any:
        with self.lock:
            return method(self, *arguments)

    return within  # type: ignore[return-value]


def locked(kind: Kind) -> Kind:
    """All methods of this class, one at a time."""
    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(kind, name, _locked(method))
    return kind


def as_coroutines(store: Any) -> Any:
    """The same store with coroutines for methods."""

    def of(method: Callable[..., Any]) -> Callable[..., Any]:
        async def work(self: object, *arguments: Any) -> Any:
            return method(*arguments)

        return work

    methods = {name: of(getattr(store, name)) for name in dir(store) if not name.startswith("_")}
    return type(f"Async{type(store).__name__}", (), {name: work for name, work in methods.items() if name != "lock"})()


@locked
class DictCache:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._values: dict[str, tuple[float, bytes]] = {}

    def get(self, key: str) -> bytes | None:
        end, value = self._values.get(key, (0.0, b""))
        return value if time.monotonic() < end else None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        self._values[key] = (time.monotonic() + ttl, value)

    def remove(self, key: str) -> None:
        self._values.pop(key, None)


@locked
class ListVectors:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._specs: dict[str, CollectionSpec] = {}
        self._records: dict[str, dict[str, VectorRecord]] = {}

    def spec(self, collection: str) -> CollectionSpec | None:
        return self._specs.get(collection)

    def create(self, collection: str, spec: CollectionSpec) -> None:
        self._specs[collection], self._records[collection] = spec, {}

    def drop(self, collection: str) -> None:
        self._specs.pop(collection, None)
        self._records.pop(collection, None)

    def upsert(self, collection: str, records: list[VectorRecord]) -> None:
        self._records[collection].update((record.id, record) for record in records)

    def search(self, collection: str, query: VectorQuery) -> list[Hit]:
        hits = []
        for record in self._records[collection].values():
            if any(record.vector) and query.admits(record.payload):
                dot = math.fsum(a * b for a, b in zip(record.vector, query.vector))
                score = dot / math.hypot(*record.vector) / math.hypot(*query.vector)
                hits.append(Hit(record.id, score, payload=record.payload))
        return heapq.nsmallest(query.limit, hits, key=lambda hit: (-hit.score, hit.id))

    def missing(self, collection: str, ids: list[str]) -> list[str]:
        return [name for name in ids if name not in self._records[collection]]

    def delete(self, collection: str, ids: list[str]) -> None:
        for name in ids:
            self._records[collection].pop(name, None)

    def count(self, collection: str) -> int:
        return len(self._records[collection])


_STOP = frozenset(["a", "and", "is", "it", "of", "the", "to", "what"])


def words(text: str) -> list[str]:
    """A text's words, without accents, parts of names in code, pairs of characters where there are no spaces."""
    found: list[str] = []
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for run in re.findall(r"[^\W_]+(?:_[^\W_]+)*", plain):
        parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\WA-Z_]+", run)
        found += {run.lower(), *map(str.lower, parts)} if len(parts) > 1 else [run.lower()]
        if any("\u3040" <= c <= "\u9fff" for c in run):
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return found


@locked
class WordDocuments:
    """BM25 over everything, anew for each search."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._kept: dict[str, dict[str, tuple[Document, list[tuple[Chunk, Counter[str]]]]]] = {}

    def put(self, collection: str, document: Document, chunks: list[Chunk]) -> None:
        counted = [(one, Counter(words(f"{one.content} {one.metadata.get('heading', '')}"))) for one in chunks]
        self._kept.setdefault(collection, {})[document.source] = (document, counted)

    def remove(self, collection: str, sources: list[str]) -> list[str]:
        kept = self._kept.get(collection, {})
        gone = [kept.pop(source)[1] for source in sources if source in kept]
        return [chunk.id for chunks in gone for chunk, _ in chunks]

    def documents(self, collection: str) -> list[tuple[Document, int]]:
        kept = self._kept.get(collection, {})
        return [(document, len(chunks)) for _, (document, chunks) in sorted(kept.items())]

    def search(self, collection: str, query: KeywordQuery) -> list[tuple[Chunk, float]]:
        asked = set(words(query.text))
        asked = asked - _STOP or asked
        all_chunks = list(self._all(collection))
        frequency = {word: sum(word in counts for _, counts in all_chunks) for word in asked}
        found = []
        for chunk, counts in all_chunks:
            hits = [word for word in asked if word in counts]
            if hits and query.admits(chunk.metadata):
                length = 0.25 + 0.75 * sum(counts.values()) / 50
                rare = {word: math.log(1 + len(all_chunks) / frequency[word]) for word in hits}
                found.append((chunk, sum(rare[word] * counts[word] / (counts[word] + length) for word in hits)))
        return heapq.nsmallest(query.limit, found, key=lambda hit: -hit[1])

    def chunks(self, collection: str, ids: list[str]) -> list[Chunk]:
        by_id = {chunk.id: chunk for chunk, _ in self._all(collection)}
        return [by_id[name] for name in ids if name in by_id]

    def scan(self, collection: str, after: str | None, limit: int) -> list[Chunk]:
        chunks = (chunk for chunk, _ in self._all(collection) if after is None or chunk.id > after)
        return sorted(chunks, key=lambda chunk: chunk.id)[:limit]

    def _all(self, collection: str) -> Iterator[tuple[Chunk, Counter[str]]]:
        for _, chunks in self._kept.get(collection, {}).values():
            yield from chunks


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


#: Relationships that a search for paths looks at.
_PATIENCE = 10_000


@locked
class DictGraph:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._entities: dict[str, Entity] = {}
        self._relationships: dict[tuple[str, str, str], Relationship] = {}

    def put_entity(self, entity_type: str, name: str, properties: dict[str, Any]) -> Entity:
        same = (one for one in self._entities.values() if (one.entity_type, one.name) == (entity_type, name))
        known = next(same, None) or Entity(str(uuid.uuid4()), entity_type, name, created_at=_now())
        merged = {key: value for key, value in {**known.properties, **properties}.items() if value is not None}
        self._entities[known.id] = kept = replace(known, properties=merged, updated_at=_now())
        return kept

    def put_relationship(
        self, source: str, relationship_type: str, target: str, strength: float, properties: dict[str, Any]
    ) -> Relationship | None:
        if source not in self._entities or target not in self._entities:
            return None
        key = source, relationship_type, target
        new = Relationship(str(uuid.uuid4()), source, target, relationship_type, strength, created_at=_now())
        known = self._relationships.get(key, new)
        self._relationships[key] = kept = replace(known, strength=strength, properties=properties)
        return kept

    def entities_named(self, name: str) -> list[Entity]:
        named = (entity for entity in self._entities.values() if entity.name == name)
        return sorted(named, key=lambda entity: entity.entity_type)

    def search_entities(self, text: str, entity_type: str | None, limit: int) -> list[Entity]:
        found = (entity for entity in self._entities.values() if entity_type in (None, entity.entity_type))
        return sorted((one for one in found if text.lower() in one.name.lower()), key=lambda one: one.name)[:limit]

    def neighbours(self, entity_id: str, limit: int) -> list[tuple[Relationship, Entity]]:
        found = []
        for one in self._relationships.values():
            if entity_id in (one.from_entity_id, one.to_entity_id):
                other = one.to_entity_id if one.from_entity_id == entity_id else one.from_entity_id
                found.append((one, self._entities[other]))
        return sorted(found, key=lambda pair: -pair[0].strength)[:limit]

    def paths(self, source: str, target: str, max_depth: int, limit: int) -> list[list[Relationship]]:
        leaving: dict[str, list[Relationship]] = {}
        for one in self._relationships.values():
            leaving.setdefault(one.from_entity_id, []).append(one)
        found: list[list[Relationship]] = []
        begun: list[list[Relationship]] = [[]]
        looked_at = 0
        while begun and len(found) < limit and looked_at < _PATIENCE:
            # The nearest first: what begins with fewer relationships was begun earlier.
            before, begun = begun, []
            for path in before:
                visited = {source, *(one.to_entity_id for one in path)}
                end = path[-1].to_entity_id if path else source
                for one in leaving.get(end, []):
                    looked_at += 1
                    if one.to_entity_id == target:
                        found.append([*path, one])
                    elif one.to_entity_id not in visited and len(path) + 1 < max_depth and looked_at < _PATIENCE:
                        begun.append([*path, one])
        return found[:limit]

    def remove_entity(self, entity_id: str) -> bool:
        kept = self._relationships.items()
        self._relationships = {key: one for key, one in kept if entity_id not in (key[0], key[2])}
        return self._entities.pop(entity_id, None) is not None
