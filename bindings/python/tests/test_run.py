"""Tasks: run, submit, stream, look, cancel, approve, list, many at once."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import octollm
import pytest
from conftest import plan, until, within


@octollm.arm(capabilities=["weather_forecast"], cost_tier=1)
async def weather(location: str, days: int = 5, *, ctx: octollm.ArmContext) -> dict[str, object]:
    "Weather forecast for a place."
    ctx.progress("asking", 0.3)
    await asyncio.sleep(0)
    return {"place": location, "days": days, "confidence": 0.5}


@octollm.arm
def shout(word: str) -> str:
    return word.upper()


def test_a_goal_in_words_finds_its_arm(octo_home: Path) -> None:
    async def main() -> octollm.TaskResult:
        async with octollm.OctoLLM([weather], home=octo_home) as octo:
            return await octo.run("Get the weather forecast for Paris", context={"location": "Paris", "days": 2})

    result = within(20, main())
    assert result.ok and result.raise_for_status() is result
    assert result.result == {"place": "Paris", "days": 2, "confidence": 0.5}
    assert result.confidence == 0.5
    assert result.steps[0].arm_id == "weather" and result.steps[0].attempts == 1
    assert result.created_at is not None and result.created_at.tzinfo is not None
    html = result._repr_html_()
    assert "weather" in html and result.task_id in html


def test_a_program_needs_no_event_loop(octo_home: Path) -> None:
    with octollm.OctoLLM([weather, shout], home=octo_home) as octo:
        assert octo.run_sync(plan("shout", word="ha")).result == "HA"
        assert octo.run_sync(plan("weather", location="Oslo")).result["days"] == 5
        submitted = octo.submit_sync(plan("shout", word="ho"))
        assert octo.wait_sync(submitted.task_id).result == "HO"
        assert octo.task_sync(submitted.task_id).ok
        types = [event.type for event in octo.events_sync(submitted.task_id)]
        assert types[0] == "task.accepted" and types[-1] == "task.completed"
        assert [event.seq for event in octo.stream_sync(plan("shout", word="hi")) if event.seq] == [1, 2, 3, 4, 5]
        assert octo.health_sync()["status"] == "healthy"
        assert {arm["arm_id"] for arm in octo.arms_sync()} >= {"weather", "shout", "retriever"}


def test_events_come_as_they_happen(octo_home: Path) -> None:
    async def main() -> list[octollm.Event]:
        async with octollm.OctoLLM([weather], home=octo_home) as octo:
            return [event async for event in octo.stream(plan("weather", location="Rome"))]

    events = within(20, main())
    kept = [event for event in events if event.seq]
    assert [event.seq for event in kept] == list(range(1, len(kept) + 1))
    progress = [event for event in events if event.type == "step.progress"]
    assert progress and progress[0].data["message"] == "asking" and progress[0].seq == 0
    assert events[-1].ends_task and events[-1].at is not None


def test_events_can_be_read_on_from_any_of_them(octo_home: Path) -> None:
    async def main() -> None:
        async with octollm.OctoLLM([shout], home=octo_home) as octo:
            result = await octo.run(plan("shout", word="a"))
            assert [event.seq async for event in octo.events(result.task_id, after=3)] == [4, 5]

    within(20, main())


def test_leaving_a_stream_cancels_its_task(octo_home: Path) -> None:
    ended = asyncio.Event()

    @octollm.arm
    async def endless() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    async def main() -> None:
        async with octollm.OctoLLM([endless], home=octo_home) as octo:
            task_id = ""
            async with contextlib.aclosing(octo.stream(plan("endless"))) as events:
                async for event in events:
                    task_id = event.task_id
                    if event.type == "step.started":
                        break
            await ended.wait()
            assert (await octo.wait(task_id)).status == "cancelled"

    within(20, main())


def test_many_tasks_run_side_by_side_and_a_bad_one_fails_alone(octo_home: Path) -> None:
    at_once, most = 0, 0

    @octollm.arm(max_concurrent=64)
    async def count(word: str) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return word

    async def main() -> None:
        async with octollm.OctoLLM([count], home=octo_home) as octo:
            tasks = [plan("count", word=str(number)) for number in range(40)]
            ends = await octo.batch([*tasks, "short"], concurrency=8)
            assert [end.result for end in ends[:-1] if isinstance(end, octollm.TaskResult)] == [
                str(number) for number in range(40)
            ]
            assert isinstance(ends[-1], octollm.InvalidInput)

    within(30, main())
    assert 1 < most <= 8
    with octollm.OctoLLM([shout], home=octo_home) as octo:
        ends = octo.batch_sync([plan("shout", word="a"), "short", plan("shout", word="b")], concurrency=2)
        assert [end.result if isinstance(end, octollm.TaskResult) else end.code for end in ends] == [
            "A",
            "invalid_input",
            "B",
        ]


def test_a_batch_of_what_is_no_list_is_refused(octo_home: Path) -> None:
    with octollm.OctoLLM(home=octo_home) as octo:
        with pytest.raises(TypeError, match="list of tasks"):
            octo.batch_sync("Send a greeting to Ada")
        with pytest.raises(ValueError, match="at least 1"):
            octo.batch_sync([], concurrency=0)


def test_tasks_are_listed_and_told_apart_by_label(octo_home: Path) -> None:
    with octollm.OctoLLM([shout], home=octo_home) as octo:
        octo.run_sync(plan("shout", word="a"), metadata={"colour": "red"})
        octo.run_sync(plan("shout", word="b"), metadata={"colour": "blue"})
        page = octo.tasks_sync(limit=1)
        assert len(page.tasks) == 1 and page.next
        assert octo.tasks_sync(limit=1, cursor=page.next).tasks[0].metadata == {"colour": "red"}
        assert [task.metadata for task in octo.tasks_sync(metadata={"colour": "blue"}).tasks] == [{"colour": "blue"}]
        with pytest.raises(octollm.InvalidInput):
            octo.tasks_sync(stauts="failed")


def test_a_person_is_asked(octo_home: Path) -> None:
    async def main() -> None:
        async with octollm.OctoLLM([shout], home=octo_home) as octo:
            asked = await octo.submit(plan("shout", word="a"), approval="plan")
            async for event in octo.events(asked.task_id):
                if event.type == "approval.requested":
                    await octo.approve(asked.task_id, note="fine")
            assert (await octo.task(asked.task_id)).ok
            with pytest.raises(octollm.Conflict):
                await octo.approve(asked.task_id)

    within(20, main())


def test_one_key_is_one_task(octo_home: Path) -> None:
    with octollm.OctoLLM([shout], home=octo_home) as octo:
        first = octo.run_sync(plan("shout", word="a"), idempotency_key="k")
        assert octo.run_sync(plan("shout", word="a"), idempotency_key="k").task_id == first.task_id


def test_an_equal_task_is_answered_as_before(octo_home: Path) -> None:
    asked: list[str] = []

    def tide(place: str) -> str:
        asked.append(place)
        return f"{place}: {len(asked)}"

    reads, varies = octollm.arm(side_effects="none"), octollm.arm(arm_id="now", side_effects="none", varies=True)
    with octollm.OctoLLM([reads(tide), varies(tide)], home=octo_home, answer_cache="10m") as octo:

        def ask(arm: str, fresh: bool = False) -> octollm.TaskResult:
            return octo.run_sync(plan(arm, place="Brest"), fresh=fresh)

        assert [ask("tide").result for _ in range(2)] == ["Brest: 1", "Brest: 1"]
        assert ask("tide").usage.cache_hits == 1
        assert ask("tide", fresh=True).result == "Brest: 2"
        assert [ask("now").result for _ in range(2)] == ["Brest: 3", "Brest: 4"]


def test_errors_have_a_code_a_hint_and_every_fault(octo_home: Path) -> None:
    with octollm.OctoLLM([shout], home=octo_home) as octo:
        with pytest.raises(octollm.InvalidInput) as caught:
            octo.run_sync("short", deadline_seconds=1)
        assert caught.value.code == "invalid_input"
        assert {fault["pointer"] for fault in caught.value.details} == {"/goal", "/deadline_seconds"}
        with pytest.raises(octollm.NotFound):
            octo.task_sync("task-01890000-0000-7000-8000-000000000000")
        with pytest.raises(octollm.InvalidInput):
            octo.task_sync("nonsense")
    with pytest.raises(octollm.InvalidInput, match="max_concurrent_tasks"):
        octollm.OctoLLM(home=octo_home, max_concurent_tasks=3).run_sync("A goal that is long enough")
    with pytest.raises(octollm.Unavailable):
        octollm.connect("http://127.0.0.1:9").health_sync()


def test_a_closed_orchestrator_says_so(octo_home: Path) -> None:
    async def main() -> None:
        octo = octollm.OctoLLM([shout], home=octo_home)
        with pytest.raises(octollm.Conflict, match="not open"):
            await octo.run(plan("shout", word="a"))
        async with octo:
            await octo.run(plan("shout", word="a"))
        with pytest.raises(octollm.Conflict, match="not open"):
            await octo.run(plan("shout", word="a"))
        async with octo:
            assert (await octo.run(plan("shout", word="a"))).ok

    within(20, main())


def test_documents_are_indexed_and_found(octo_home: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Octopus\n\nAn octopus has three hearts and blue blood.\n")
    with octollm.OctoLLM(home=octo_home) as octo:
        assert octo.index_sync(tmp_path / "notes.md")["added"] == 1
        found = octo.search_sync("How many hearts has an octopus?", limit=1)
        assert "three hearts" in found["results"][0]["content"]
        assert found["results"][0]["source"].endswith("notes.md")
        with pytest.raises(octollm.NotFound):
            octo.index_sync(tmp_path / "nowhere")


def test_waiting_leaves_a_task_running(octo_home: Path) -> None:
    go = asyncio.Event()

    @octollm.arm
    async def waits() -> str:
        await go.wait()
        return "done"

    async def main() -> None:
        async with octollm.OctoLLM([waits], home=octo_home) as octo:
            submitted = await octo.submit(plan("waits"))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(octo.wait(submitted.task_id), 0.05)
            go.set()
            assert (await octo.wait(submitted.task_id)).result == "done"
            cancelled = await octo.submit(plan("waits"))
            await until(lambda: go.is_set(), "set")
            assert (await octo.cancel(cancelled.task_id)).status in ("cancelled", "completed")

    within(20, main())
