"""Memory: what is known, what was answered before, what is near what."""

from __future__ import annotations

from pathlib import Path

import octollm
import pytest
from conftest import plan, within


def test_the_graph_keeps_what_it_is_told(octo_home: Path) -> None:
    with octollm.OctoLLM(home=octo_home) as octo:
        graph = octo.memory.graph
        ada = graph.put_sync("person", "Ada", born=1815, note="x")
        babbage = graph.put_sync("person", "Charles Babbage")
        engine = graph.put_sync("machine", "Analytical Engine")
        assert graph.put_sync("person", "Ada", note=None).properties == {"born": 1815}
        graph.relate_sync(ada, "wrote_for", engine, 0.9, year=1843)
        graph.relate_sync(babbage, "designed", engine, 0.8)
        (first, *_) = graph.neighbours_sync(engine)
        assert first[0].relationship_type == "wrote_for" and first[1].name == "Ada"
        assert first[0].properties == {"year": 1843}
        assert [entity.name for entity in graph.search_sync("bab")] == ["Charles Babbage"]
        assert graph.search_sync("a", entity_type="machine")[0].id == engine.id
        assert len(graph.paths_sync(ada, engine)[0]) == 1 and graph.paths_sync(engine, ada) == []
        assert graph.remove_sync(babbage) and not graph.remove_sync(babbage)
        with pytest.raises(octollm.InvalidInput):
            graph.relate_sync(ada, "likes", engine, strength=7)
    with octollm.OctoLLM(home=octo_home) as octo:
        assert octo.memory.graph.named_sync("Ada")[0].properties == {"born": 1815}


def test_arms_share_the_memory(octo_home: Path) -> None:
    @octollm.arm
    async def learn(word: str, ctx: octollm.ArmContext) -> int:
        calls = await ctx.memory.cache.get(["calls", word], 0)
        await ctx.memory.cache.set(["calls", word], calls + 1, ttl=60)
        await ctx.memory.graph.put("word", word)
        return int(calls)

    async def main() -> None:
        async with octollm.OctoLLM([learn], home=octo_home) as octo:
            assert (await octo.run(plan("learn", word="a"))).result == 0
            assert (await octo.run(plan("learn", word="a"))).result == 1
            assert await octo.memory.graph.named("a")
            cache = octo.memory.cache
            await cache.set("none", None)
            assert await cache.get("none", "gone") is None
            await cache.remove("none")
            assert await cache.get("none", "gone") == "gone"

    within(20, main())


def test_texts_are_found_by_what_they_say(octo_home: Path) -> None:
    with octollm.OctoLLM(home=octo_home) as octo:
        vectors = octo.memory.vectors
        vectors.remember_sync(
            "notes",
            [
                {"id": "1", "text": "An octopus has three hearts", "payload": {"kind": "fact"}},
                {"id": "2", "text": "The train leaves at noon", "payload": {"kind": "plan"}},
            ],
        )
        (hit,) = vectors.recall_sync("notes", "hearts of an octopus", limit=1)
        assert hit.id == "1" and hit.text == "An octopus has three hearts" and hit.payload == {"kind": "fact"}
        assert [hit.id for hit in vectors.recall_sync("notes", "hearts", filter={"kind": "plan"})] == ["2"]
        vectors.forget_sync("notes", ["1"])
        assert vectors.count_sync("notes") == 1
        vectors.drop_sync("notes")
        assert vectors.count_sync("notes") == 0
        with pytest.raises(octollm.NotFound):
            vectors.recall_sync("notes", "hearts")
        with pytest.raises(octollm.InvalidInput):
            vectors.recall_sync("notes")
