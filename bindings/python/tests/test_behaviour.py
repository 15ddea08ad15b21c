"""The behaviour cases that all faces share, from Python: see tests/behaviour/README.md."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import octollm
import pytest
from conftest import within

CASES = sorted((Path(__file__).parents[3] / "tests" / "behaviour").glob("*.json"))


#: How many calls that are never answered have not been given up yet.
waiting: list[None] = []


def answer(said: dict[str, Any], inputs: dict[str, Any]) -> Any:
    if "fail" in said:
        raise octollm.ArmError(said["fail"]["message"], temporary=said["fail"]["temporary"])
    if "length_of" in said:
        return {"length": len(inputs[said["length_of"].removeprefix("/")])}
    return said.get("output", {"echo": inputs})


def scripted(arm: dict[str, Any], is_async: bool) -> octollm.FunctionArm[Any]:
    """The arm of a case: its answers in turn, the last one for ever."""
    descriptor = dict(arm)
    answers = descriptor.pop("answers")
    turns = chain(answers, repeat(answers[-1]))

    async def execute(**inputs: Any) -> Any:
        said = next(turns)
        if "wait" in said:
            waiting.append(None)
            try:
                await asyncio.sleep(3600)
            finally:
                waiting.pop()
        return answer(said, inputs)

    def execute_sync(*, ctx: octollm.ArmContext, **inputs: Any) -> Any:
        said = next(turns)
        if "wait" in said:
            waiting.append(None)
            while not ctx.cancelled:
                time.sleep(0.005)
            waiting.pop()
        return answer(said, inputs)

    made: octollm.FunctionArm[Any] = octollm.arm(**descriptor)(execute if is_async else execute_sync)
    return made


def holds(wanted: Any, found: Any, place: str = "") -> None:
    """Everything that is wanted is there: objects may have more, lists may not, and null is the same as absent."""
    if isinstance(wanted, dict):
        for name, part in wanted.items():
            holds(part, (found or {}).get(name), f"{place}/{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (part, there) in enumerate(zip(wanted, found)):
            holds(part, there, f"{place}/{index}")
    else:
        assert wanted == found, place


async def drive(octo: octollm.OctoLLM, case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(octollm.OctoLLMError) as caught:
            await octo.submit(case["request"])
        assert caught.value.code == case["refused"]["code"]
        assert {detail["pointer"] for detail in caught.value.details} >= set(case["refused"]["pointers"])
        return
    request = {**case["request"], "idempotency_key": case.get("key")}
    decisions, cancel = iter(case.get("decisions", [])), case.get("cancel")
    types, task_id = [], ""
    async for event in octo.stream(request):
        task_id = event.task_id
        if event.seq:
            types.append(event.type)
        if cancel and event.type == cancel["at"]:
            await octo.cancel(task_id, cancel["reason"])
            cancel = None
        elif event.type == "approval.requested":
            await octo.approve(task_id, **next(decisions))
    assert types == case.get("events", types)
    if request["idempotency_key"]:
        assert (await octo.submit(request)).task_id == task_id
    for _ in range(1000):
        if not waiting:
            break
        await asyncio.sleep(0.005)
    assert not waiting, "an arm was never told to stop"
    holds(case["result"], (await octo.task(task_id)).raw)


@asynccontextmanager
async def here(case: dict[str, Any], home: Path, is_async: bool) -> AsyncIterator[octollm.OctoLLM]:
    arms = [scripted(arm, is_async) for arm in case["arms"]]
    async with octollm.OctoLLM(arms, home=home) as octo:
        yield octo


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_behaviour(case: Path, is_async: bool, octo_home: Path) -> None:
    read = json.loads(case.read_text())

    async def main() -> None:
        async with here(read, octo_home, is_async) as octo:
            await drive(octo, read)

    within(30, main())


def test_there_are_cases() -> None:
    assert len(CASES) >= 24
