"""Parts of the brain in Python: models, embedders, planners, parsers, integrators."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import octollm
import pytest
from conftest import plan, within
from octollm import ModelReply, ModelRequest, Thought, Usage


@octollm.arm(capabilities=["shouting"])
def shout(word: str) -> str:
    "Says a word loudly."
    return word.upper()


def shouting(word: str) -> dict[str, Any]:
    step = {"step": 1, "action": "shout", "required_arm": "shout", "input": {"word": word}}
    return {"subtasks": [step], "confidence": 0.9, "rationale": "there is but one arm"}


def test_a_function_plans(octo_home: Path) -> None:
    seen: list[Thought] = []

    def planner(thought: Thought) -> dict[str, Any]:
        seen.append(thought)
        return shouting(thought.goal.split()[-1])

    with octollm.OctoLLM([shout], home=octo_home, planner=planner) as octo:
        result = octo.run_sync("Say something loudly to Ada", context={"x": 1})
    assert result.ok and result.result == "ADA", result.error
    assert result.plan is not None and result.plan["rationale"] == "there is but one arm"
    assert result.confidence == 0.9
    assert {arm["arm_id"] for arm in seen[0].arms} >= {"shout"}
    assert seen[0].request["context"] == {"x": 1} and seen[0].intent is not None


def test_a_planner_may_leave_a_goal_to_the_rules(octo_home: Path) -> None:
    async def planner(thought: Thought) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        async with octollm.OctoLLM([shout], home=octo_home, planner=planner) as octo:
            assert (await octo.run("Do some shouting for me", context={"word": "a"})).result == "A"

    within(20, main())


def test_a_planner_revises_what_failed(octo_home: Path) -> None:
    @octollm.arm
    def broken() -> str:
        raise ValueError("never works")

    class Planner:
        def plan(self, thought: Thought) -> dict[str, Any]:
            step = {"step": 1, "action": "try", "required_arm": "broken", "max_retries": 0}
            return {"subtasks": [step]}

        def revise(self, thought: Thought) -> dict[str, Any]:
            assert thought.task is not None and thought.task.steps[0].status == "failed"
            return {"subtasks": [{**shouting("b")["subtasks"][0], "step": 2}]}

    with octollm.OctoLLM([shout, broken], home=octo_home, planner=Planner()) as octo:
        result = octo.run_sync("Whatever it takes to say it")
    assert result.ok and result.result == "B", result.error


@pytest.mark.parametrize(
    ("planned", "code"),
    [
        ({"subtasks": []}, "invalid_input"),
        ({"steps": []}, "invalid_input"),
        (octollm.BudgetExceeded("too dear"), "budget_exceeded"),
        (KeyError("oops"), "arm_failed"),
    ],
)
def test_a_bad_plan_fails_the_task(octo_home: Path, planned: Any, code: str) -> None:
    def planner(thought: Thought) -> Any:
        if isinstance(planned, Exception):
            raise planned
        return planned

    with octollm.OctoLLM([shout], home=octo_home, planner=planner) as octo:
        result = octo.run_sync("A goal that is long enough")
    assert result.error is not None and result.error.code == code, result.error


def test_a_parser_and_an_integrator(octo_home: Path) -> None:
    def integrate(thought: Thought) -> dict[str, Any]:
        assert thought.task is not None
        return {"all": [step.output for step in thought.task.steps]}

    with octollm.OctoLLM(
        [shout], home=octo_home, intent_parser=lambda thought: ["shouting"], integrator=integrate
    ) as octo:
        result = octo.run_sync("A goal that names no capability", context={"word": "c"})
        assert result.result == {"all": ["C"]}, result.error


class Scripted:
    """A model that answers from a list."""

    name = "test/scripted"
    features = {"json_schema": True}
    price = {"input": 1.0, "output": 2.0, "cached_input": 0.0, "cache_write": 0.0}

    def __init__(self, *answers: str | ModelReply) -> None:
        self.answers = list(answers)
        self.asked: list[ModelRequest] = []

    def complete(self, request: ModelRequest) -> str | ModelReply:
        self.asked.append(request)
        return self.answers.pop(0)


def test_a_model_in_python_thinks(octo_home: Path) -> None:
    model = Scripted(
        json.dumps({"required_capabilities": ["shouting"], "complexity": "simple", "confidence": 0.9}),
        "no plan",
        "still no plan",
    )
    with octollm.OctoLLM([shout], home=octo_home, model=model) as octo:
        octo.run_sync("Please do some shouting", context={"word": "d"})
    assert model.asked[0].purpose == "intent" and "shouting" in model.asked[0].text
    assert model.asked[0].schema is not None


def test_the_model_is_asked_by_programs_and_by_arms(octo_home: Path) -> None:
    used = Usage(input_tokens=30, output_tokens=4)
    model = Scripted("hello", ModelReply("42", usage=used), ModelReply("43", usage=used))

    @octollm.arm
    async def think(ctx: octollm.ArmContext) -> str:
        return (await ctx.model("What is the answer?")).text

    @octollm.arm
    def think_slowly(ctx: octollm.ArmContext) -> str:
        return ctx.model_sync("What is the answer?", temperature=0.0).text

    async def main() -> None:
        async with octollm.OctoLLM([think, think_slowly], home=octo_home, model=model) as octo:
            reply = await octo.model(
                [
                    {"role": "user", "text": "Hi"},
                    {"role": "assistant", "text": "Yes?"},
                    {"role": "user", "text": "Well"},
                ],
                system="Be brief.",
                schema={"type": "object"},
            )
            assert str(reply) == "hello" and reply.model == "scripted"
            for arm, answer in (("think", "42"), ("think_slowly", "43")):
                result = await octo.run(plan(arm))
                assert result.result == answer, result.error

    within(20, main())
    assert [message["role"] for message in model.asked[0].messages] == ["system", "user", "assistant", "user"]
    assert model.asked[0].schema == {"type": "object"}
    assert model.asked[2].temperature == 0.0


def test_without_a_model_the_settings_are_named(octo_home: Path) -> None:
    with octollm.OctoLLM(home=octo_home) as octo, pytest.raises(octollm.NotConfigured, match="OPENAI_API_KEY"):
        octo.model_sync("Hello?")


class Letters:
    """Counts letters."""

    id = "letters-v1"
    dimensions = 26

    async def embed(self, texts: list[str]) -> list[list[float]]:
        return [[text.lower().count(chr(97 + number)) for number in range(26)] for text in texts]


def test_an_embedder_in_python_finds_texts(octo_home: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with octollm.OctoLLM(home=octo_home, embedder=Letters()) as octo:
            assert octo.memory.vectors.__class__.__name__ == "Vectors"
            (vector,) = await octo.memory.vectors.embed(["aab"])
            assert abs(sum(value * value for value in vector) - 1) < 1e-6
            await octo.memory.vectors.remember("words", [{"id": "1", "text": "zzz"}, {"id": "2", "text": "aab"}])
            assert (await octo.memory.vectors.recall("words", "bazaar", limit=1))[0].id in ("1", "2")
            with pytest.raises(octollm.InvalidInput):
                await octo.memory.vectors.recall("words", vector=[1.0])

    within(20, main())

    class Wrong(Letters):
        async def embed(self, texts: list[str]) -> list[list[float]]:
            return [[1.0]]

    wrong = octollm.OctoLLM(home=tmp_path / "wrong", embedder=Wrong())
    with wrong as octo, pytest.raises(octollm.InvalidInput, match="dimensions"):
        octo.memory.vectors.embed_sync(["a"])


def test_what_is_no_part_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="`plan`"):
        octollm.OctoLLM(planner=object())  # type: ignore[arg-type]
