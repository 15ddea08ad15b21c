"""Stores in Python: the contract of every store, and a life with all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import octollm
import pytest
from conftest import within
from octollm import _native
from octollm._errors import native
from octollm._loop import background
from octollm._stores import store_part
from own_stores import DictCache, DictGraph, ListVectors, WordDocuments, as_coroutines

#: More than any suite asks for.
FRESH = 24


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("what", "make"),
    [("cache", DictCache), ("vectors", ListVectors), ("documents", WordDocuments), ("graph", DictGraph)],
)
def test_a_store_in_python_passes_the_contract(what: str, make: Any, is_async: bool) -> None:
    bridge = background()[1]
    stores = [as_coroutines(make()) if is_async else make() for _ in range(FRESH)]
    registrations = [store_part(what, store).registration(bridge) for store in stores]
    try:
        native(native(_native._store_suite, what, registrations).wait, 120)
    finally:
        for registration in registrations:
            registration.end()


def test_a_store_that_breaks_the_contract_is_found_out() -> None:
    class Forgetful(DictCache):
        def set(self, key: str, value: bytes, ttl: float) -> None:
            pass

    registrations = [store_part("cache", Forgetful()).registration(None) for _ in range(FRESH)]
    with pytest.raises(octollm.OctoLLMError, match="breaks its contract"):
        native(native(_native._store_suite, "cache", registrations).wait, 60)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_memory_lives_in_stores_of_ones_own(octo_home: Path, tmp_path: Path, is_async: bool) -> None:
    own: dict[str, Any] = {
        "cache": DictCache(),
        "vectors": ListVectors(),
        "documents": WordDocuments(),
        "graph": DictGraph(),
    }
    used = {what: as_coroutines(store) if is_async else store for what, store in own.items()}
    lamp = tmp_path / "lamp.md"
    lamp.write_text("# Lamp\n\nThe lamp burns whale oil.\n")

    async def main() -> None:
        async with octollm.OctoLLM(home=octo_home, **used) as octo:
            await octo.memory.cache.set("answer", {"is": 42}, ttl=60)
            assert await octo.memory.cache.get("answer") == {"is": 42}
            ada = await octo.memory.graph.put("person", "Ada", born=1815)
            engine = await octo.memory.graph.put("machine", "Engine")
            await octo.memory.graph.relate(ada, "wrote_for", engine, 0.5)
            assert (await octo.memory.graph.neighbours(engine))[0][1] == ada
            with pytest.raises(octollm.InvalidInput):
                await octo.memory.graph.relate(ada, "likes", engine, 7)
            await octo.index(lamp)
            result = await octo.run("What does the lamp burn?")
            assert result.ok and "whale oil" in str(result.result), result.error

    within(60, main())
    assert own["graph"].entities_named("Ada")[0].properties == {"born": 1815}
    assert [document.source for document, _ in own["documents"].documents("retriever_index")] == [str(lamp)]
    assert own["vectors"].count("retriever_index") == 1


def test_what_a_store_raises_is_a_failure_of_the_store(octo_home: Path) -> None:
    class Broken(DictCache):
        def get(self, key: str) -> bytes | None:
            if self.fails_with is not None:
                raise self.fails_with
            return "no bytes"  # type: ignore[return-value]

        fails_with: Exception | None = OSError("the disk is gone")

    cache = Broken()
    with octollm.OctoLLM(home=octo_home, cache=cache) as octo:
        with pytest.raises(octollm.StorageError, match="own store failed"):
            octo.memory.cache.get_sync("x")
        cache.fails_with = octollm.Unavailable("away for a while", retry_after=2)
        with pytest.raises(octollm.Unavailable, match="away for a while") as raised:
            octo.memory.cache.get_sync("x")
        assert raised.value.temporary
        cache.fails_with = None
        with pytest.raises(octollm.StorageError):
            octo.memory.cache.get_sync("x")
        # A task can do without a cache.
        assert octo.run_sync("What does the lamp burn, if anything?").error is None


def test_what_is_no_store_is_refused_at_once() -> None:
    class Half:
        async def get(self, key: str) -> bytes | None:
            return None

        def set(self, key: str, value: bytes, ttl: float) -> None: ...

        def remove(self, key: str) -> None: ...

    with pytest.raises(TypeError, match="no method `spec`"):
        octollm.OctoLLM(vectors=DictCache())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="all be coroutines"):
        octollm.OctoLLM(cache=Half())
