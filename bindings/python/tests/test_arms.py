"""Arms: what they take, what they answer, how they fail, how they are called off."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import octollm
import pydantic
import pydantic.v1
import pytest
from conftest import plan, until, within
from octollm import StepResult
from typing_extensions import NotRequired, TypedDict

RunArm = Callable[..., StepResult]


class Unit(enum.Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclasses.dataclass
class Day:
    high: float
    words: str = "fine"
    next: Day | None = None


class Place(TypedDict):
    name: str
    country: NotRequired[str]


class OldWind(pydantic.v1.BaseModel):
    speed: float
    gusts: list[float] = []


class Wind(pydantic.BaseModel):
    speed: float = pydantic.Field(ge=0)
    gusts: list[float] = []


@octollm.arm
def typed(
    place: Place,
    wind: Wind,
    days: list[Day],
    unit: Unit = Unit.C,
    style: Literal["short", "long"] = "short",
    tags: dict[str, int] | None = None,
    amount: int | str = 0,
) -> dict[str, Any]:
    "Takes one of everything."
    assert isinstance(wind, Wind) and isinstance(unit, Unit)
    assert all(isinstance(day, Day) for day in days)
    return {"next": days[0].next, "unit": unit, "wind": wind, "place": place, "amount": amount, "tags": tags}


def test_types_become_schemas_and_values_come_as_types(run_arm: RunArm) -> None:
    schema = typed.descriptor["input_schema"]
    assert schema["required"] == ["place", "wind", "days"]
    assert schema["properties"]["unit"] == {"enum": ["celsius", "fahrenheit"], "default": "celsius"}
    assert schema["$defs"]["Day"]["properties"]["next"] == {"anyOf": [{"$ref": "#/$defs/Day"}, {"type": "null"}]}
    assert schema["$defs"]["Place"]["required"] == ["name"]
    assert typed.descriptor["description"] == "Takes one of everything."
    step = run_arm(
        typed,
        place={"name": "Oslo"},
        wind={"speed": 3, "gusts": [5]},
        days=[{"high": 20, "next": {"high": 21, "words": "rain"}}],
        unit="fahrenheit",
        amount="many",
    )
    assert step.status == "completed", step.error
    assert step.output == {
        "next": {"high": 21, "words": "rain", "next": None},
        "unit": "fahrenheit",
        "wind": {"speed": 3.0, "gusts": [5.0]},
        "place": {"name": "Oslo"},
        "amount": "many",
        "tags": None,
    }


@pytest.mark.parametrize(
    "inputs",
    [
        {"wind": {"speed": 1}, "days": []},
        {"place": {"name": 3}, "wind": {"speed": 1}, "days": []},
        {"place": {"name": "x"}, "wind": {"speed": -1}, "days": []},
        {"place": {"name": "x"}, "wind": {"speed": 1}, "days": [], "style": "medium"},
        {"place": {"name": "x"}, "wind": {"speed": 1}, "days": [], "more": 1},
    ],
)
def test_input_that_breaks_the_schema_never_reaches_the_arm(run_arm: RunArm, inputs: dict[str, Any]) -> None:
    step = run_arm(typed, **inputs)
    assert step.status == "failed" and step.error is not None and step.error.code == "invalid_input"


def test_models_of_pydantics_first_version_are_known(run_arm: RunArm) -> None:
    @octollm.arm
    def blow(wind: OldWind, others: list[OldWind]) -> OldWind:
        assert isinstance(wind, OldWind) and all(isinstance(other, OldWind) for other in others)
        return OldWind(speed=wind.speed * 2)

    step = run_arm(blow, wind={"speed": 2}, others=[{"speed": 1, "gusts": [3]}])
    assert step.error is None and step.output == {"speed": 4.0, "gusts": []}
    step = run_arm(blow, wind={"speed": "strong"}, others=[])
    assert step.error is not None and "/wind/speed" in step.error.message


def test_an_answer_that_breaks_the_schema_fails_the_step(run_arm: RunArm) -> None:
    @octollm.arm
    def lies() -> int:
        return "seven"  # type: ignore[return-value]

    @octollm.arm
    def not_json() -> Any:
        return object()

    assert run_arm(lies).status == "failed"
    step = run_arm(not_json)
    assert step.status == "failed" and step.error and "cannot be written as JSON" in step.error.message


def test_what_has_no_json_is_refused_when_the_arm_is_made() -> None:
    with pytest.raises(TypeError, match="octollm knows no JSON"):

        @octollm.arm
        def bad(lock: threading.Lock) -> None: ...

    with pytest.raises(TypeError, match="called by name"):

        @octollm.arm
        def worse(*words: str) -> None: ...


def test_what_is_wrong_with_an_arm_is_said_where_it_is_made() -> None:
    def lost(x: int) -> None: ...

    lost.__annotations__["x"] = "Nowhere"  # as in a module that forgot to import a type
    with pytest.raises(TypeError, match="a type hint of the arm .*lost` cannot be looked up: name 'Nowhere'"):
        octollm.arm(lost)
    with pytest.raises(TypeError, match="not 3"):
        octollm.arm(3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="capabilites"):
        octollm.arm(capabilites=["x"])  # type: ignore[call-overload]

    def worker() -> None: ...

    with pytest.raises(octollm.InvalidInput, match="the arm's descriptor"):
        octollm.arm(capabilities="weather")(worker)  # type: ignore[call-overload]
    with pytest.raises(octollm.InvalidInput, match="arm_id"):
        octollm.arm(lambda: None)

    class Idle(octollm.Arm):
        pass

    with pytest.raises(TypeError, match="`Idle` has no method `execute`"):
        octollm.OctoLLM([Idle()]).health_sync()


def test_an_arm_that_needs_personal_data_gets_it(octo_home: Path) -> None:
    class Mailer(octollm.Arm):
        "Sends mail."

        needs_pii = ["email"]

        def execute(self, to: str) -> int:
            return len(to)

    @octollm.arm
    def blind(to: str) -> int:
        return len(to)

    with octollm.OctoLLM([Mailer(), blind], home=octo_home) as octo:
        assert octo.run_sync(plan("mailer", to="ada@example.org")).result == len("ada@example.org")
        assert octo.run_sync(plan("blind", to="ada@example.org")).result == len("<EMAIL_1>")


def test_what_is_no_arm_is_refused_by_name() -> None:
    class Echo(octollm.Arm):
        def execute(self, word: str) -> str:
            return word

    with pytest.raises(TypeError, match=r"`Echo` is a class: give an instance of it, `Echo\(\)`"):
        octollm.OctoLLM([Echo])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="decorate a function"):
        octollm.OctoLLM([len])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"OctoLLM\(\[weather\]\)"):
        octollm.OctoLLM(Echo())  # type: ignore[arg-type]


def test_a_decorated_function_is_still_the_function() -> None:
    assert typed.__name__ == "typed" and typed.__doc__ == "Takes one of everything."

    @octollm.arm(capabilities=["doubling"])
    def double(number: int) -> int:
        return number * 2

    assert double(4) == 8 and "doubling" in repr(double)


def test_an_exception_is_a_failed_step_with_its_traceback(run_arm: RunArm) -> None:
    def deeper() -> None:
        raise ValueError("no such place")

    @octollm.arm
    async def fails() -> str:
        deeper()
        return ""

    step = run_arm(fails)
    assert step.status == "failed" and step.error is not None
    assert step.error.message == "ValueError: no such place" and step.error.code == "arm_failed"
    assert step.error.trace is not None and "in deeper" in step.error.trace and "test_arms.py" in step.error.trace


def test_an_arm_says_whether_another_attempt_is_worth_it(octo_home: Path) -> None:
    calls: dict[str, int] = {"temporary": 0, "permanent": 0}

    @octollm.arm
    def temporary() -> str:
        calls["temporary"] += 1
        if calls["temporary"] == 1:
            raise octollm.ArmError("busy", temporary=True, retry_after=0.01)
        return "done"

    @octollm.arm
    def permanent() -> str:
        calls["permanent"] += 1
        raise octollm.BudgetExceeded("all is spent", hint="earn more")

    def task(arm: str) -> dict[str, Any]:
        document = plan(arm)
        del document["plan"]["subtasks"][0]["max_retries"]
        return document

    with octollm.OctoLLM([temporary, permanent], home=octo_home) as octo:
        assert octo.run_sync(task("temporary")).steps[0].attempts == 2
        error = octo.run_sync(task("permanent")).steps[0].error
        assert error is not None
        assert (error.code, error.message, error.hint) == ("budget_exceeded", "all is spent", "earn more")
        with pytest.raises(octollm.BudgetExceeded):
            octo.run_sync(task("permanent")).raise_for_status()
    assert calls == {"temporary": 2, "permanent": 2}


def test_the_context_knows_its_call(octo_home: Path) -> None:
    @octollm.arm
    def look(ctx: octollm.ArmContext) -> dict[str, Any]:
        assert 0 < ctx.remaining <= 30 and ctx.deadline > time.monotonic() and not ctx.cancelled
        return {"task": ctx.task_id, "step": ctx.step, "attempt": ctx.attempt, "request": ctx.request_id}

    with octollm.OctoLLM([look], home=octo_home) as octo:
        result = octo.run_sync(plan("look", 2), deadline_seconds=30)
    outputs = [step.output for step in result.steps]
    assert [output["step"] for output in outputs] == [1, 2]
    assert {output["task"] for output in outputs} == {result.task_id}
    assert len({output["request"] for output in outputs}) == 2
    assert "ctx" not in look.descriptor["input_schema"]["properties"]


class Counter(octollm.Arm):
    "Counts."

    capabilities = ["counting"]
    arm_id = "counter"

    def __init__(self) -> None:
        self.count = 0
        self.closed = False
        self.well = True

    def execute(self, by: int = 1) -> int:
        self.count += by
        return self.count

    def health(self) -> Literal["healthy", "unhealthy"]:
        return "healthy" if self.well else "unhealthy"

    def close(self) -> None:
        self.closed = True


class AsyncCounter(Counter):
    arm_id = "async_counter"

    async def execute(self, by: int = 1) -> int:  # type: ignore[override]
        self.count += by
        return self.count

    async def close(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.closed = True


@pytest.mark.parametrize("made", [Counter, AsyncCounter])
def test_a_class_keeps_its_state_and_is_closed(octo_home: Path, made: type[Counter]) -> None:
    arm = made()
    assert arm.descriptor["capabilities"] == ["counting"]
    with octollm.OctoLLM([arm], home=octo_home) as octo:
        assert [octo.run_sync(plan(arm.descriptor["arm_id"], by=2)).result for _ in range(2)] == [2, 4]
    assert arm.closed


def test_arms_call_each_other(octo_home: Path) -> None:
    @octollm.arm(capabilities=["reversing"])
    async def inner(word: str) -> str:
        if word == "bad":
            raise ValueError("bad word")
        return word[::-1]

    @octollm.arm
    async def outer(word: str, ctx: octollm.ArmContext) -> str:
        return str(await ctx.call("reversing", word=word)) + "!"

    @octollm.arm
    def outer_sync(word: str, ctx: octollm.ArmContext) -> str:
        return str(ctx.call_sync("inner", word=word)) + "?"

    with octollm.OctoLLM([inner, outer, outer_sync], home=octo_home) as octo:
        result = octo.run_sync(plan("outer", word="ab"))
        assert result.result == "ba!" and result.usage.arm_calls == 2
        assert octo.run_sync(plan("outer_sync", word="ab")).result == "ba?"
        error = octo.run_sync(plan("outer", word="bad")).steps[0].error
        assert error is not None and "bad word" in error.message
        error = octo.run_sync(plan("outer", word=7)).steps[0].error
        assert error is not None and error.code == "invalid_input"


def test_an_arm_cannot_ask_for_more_than_it_may_do(octo_home: Path) -> None:
    @octollm.arm(side_effects="unsafe")
    def writes() -> None: ...

    @octollm.arm
    async def asks(whom: str, ctx: octollm.ArmContext) -> None:
        await ctx.call(whom)

    with octollm.OctoLLM([writes, asks], home=octo_home) as octo:
        for whom, code in (("writes", "unauthorized"), ("nobody", "unavailable"), ("asks", "unavailable")):
            error = octo.run_sync(plan("asks", whom=whom)).steps[0].error
            assert error is not None and error.code == code, error


def test_arms_run_sub_tasks(octo_home: Path) -> None:
    @octollm.arm(capabilities=["reversing"])
    def inner(word: str) -> str:
        return word[::-1]

    @octollm.arm
    async def outer(ctx: octollm.ArmContext) -> str:
        return str((await ctx.run("Do some reversing", context={"word": "ab"})).result)

    @octollm.arm
    def outer_sync(ctx: octollm.ArmContext) -> str:
        return str(ctx.run_sync("Do some reversing", context={"word": "cd"}).result)

    with octollm.OctoLLM([inner, outer, outer_sync], home=octo_home) as octo:
        for arm, answer in (("outer", "ba"), ("outer_sync", "dc")):
            result = octo.run_sync(plan(arm))
            assert result.result == answer, result.error
            assert len(octo.tasks_sync(parent_task_id=result.task_id).tasks) == 1


def test_a_synchronous_arm_never_holds_the_loop_up(octo_home: Path) -> None:
    release = threading.Event()

    @octollm.arm(max_concurrent=50)
    def blocks() -> str:
        assert threading.current_thread() is not threading.main_thread()
        release.wait(20)
        return "done"

    @octollm.arm
    async def quick() -> str:
        return "quick"

    async def main() -> None:
        async with octollm.OctoLLM([blocks, quick], home=octo_home) as octo:
            # More than there are processors, and than a pool of threads usually has.
            slow = asyncio.gather(*(octo.run(plan("blocks")) for _ in range(50)))
            assert (await octo.run(plan("quick"))).result == "quick"
            release.set()
            assert all(result.ok for result in await slow)

    within(30, main())


def test_a_long_call_holds_up_no_other_ones_answer(octo_home: Path) -> None:
    seen = threading.Event()

    @octollm.arm(max_concurrent=100)
    def quick() -> None:
        return None

    @octollm.arm(max_concurrent=100)
    def long() -> bool:
        # Until somebody who builds on the quick ones has run; all of them were called in one burst.
        return seen.wait(20)

    @octollm.arm
    def after() -> None:
        seen.set()

    arms = ["quick"] * 20 + ["long"] + ["quick"] * 20
    steps: list[dict[str, Any]] = [
        {"step": number, "action": "test", "required_arm": arm, "input": {}} for number, arm in enumerate(arms, 1)
    ]
    quick_ones = [number for number, arm in enumerate(arms, 1) if arm == "quick"]
    steps.append({"step": 42, "action": "test", "required_arm": "after", "input": {}, "depends_on": quick_ones})
    with octollm.OctoLLM([quick, long, after], home=octo_home) as octo:
        result = octo.run_sync({"goal": "Have quick arms and a long one called", "plan": {"subtasks": steps}})
    assert result.status == "completed" and result.steps[20].output is True


def test_cancelling_the_wait_cancels_task_and_coroutine(octo_home: Path) -> None:
    seen: list[str] = []

    @octollm.arm
    async def endless(ctx: octollm.ArmContext) -> str:
        seen.append(ctx.task_id)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return ""

    async def main() -> None:
        async with octollm.OctoLLM([endless], home=octo_home) as octo:
            waiting = asyncio.ensure_future(octo.run(plan("endless")))
            await until(lambda: bool(seen), "the arm began")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await octo.wait(seen[0])).status == "cancelled"
            await until(lambda: seen[1:] == ["cancelled"], "the arm was cancelled")

    within(20, main())


def test_a_wait_that_is_cancelled_at_once_leaves_no_task_running(octo_home: Path) -> None:
    @octollm.arm
    async def endless() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with octollm.OctoLLM([endless], home=octo_home) as octo:
            for turns in range(4):
                waiting = asyncio.ensure_future(octo.run(plan("endless")))
                for _ in range(turns):
                    await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            page = await octo.tasks()
            for _ in range(500):
                page = await octo.tasks()
                if all(task.status == "cancelled" for task in page.tasks):
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(page)

    within(20, main())


def test_cancellation_reaches_an_arm_before_its_first_step(octo_home: Path) -> None:
    began: list[str] = []

    @octollm.arm
    async def begins(ctx: octollm.ArmContext) -> None:
        began.append(ctx.task_id)

    async def main() -> None:
        async with octollm.OctoLLM([begins], home=octo_home) as octo:
            submitted = await octo.submit(plan("begins"), approval="plan")
            async for event in octo.events(submitted.task_id):
                if event.type == "approval.requested":
                    break
            # The loop is kept busy from here: the arm is called and called off before it hears of either.
            octo._opened().decide(submitted.task_id, json.dumps({"approved": True})).wait(10)
            time.sleep(0.1)
            octo._opened().cancel(submitted.task_id, "test").wait(10)
            time.sleep(0.1)
            assert (await octo.task(submitted.task_id)).status == "cancelled"
            await asyncio.sleep(0.05)

    within(20, main())
    assert began == []


def test_a_time_limit_reaches_the_coroutine(octo_home: Path) -> None:
    cancelled = threading.Event()

    @octollm.arm
    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = plan("endless")
    task["plan"]["subtasks"][0]["timeout_seconds"] = 1
    with octollm.OctoLLM([endless], home=octo_home) as octo:
        error = octo.run_sync(task).steps[0].error
    assert error is not None and error.code == "timeout"
    assert cancelled.wait(5)


def test_a_synchronous_arm_sees_that_nobody_waits(octo_home: Path) -> None:
    began, saw = threading.Event(), threading.Event()

    @octollm.arm
    def works(ctx: octollm.ArmContext) -> None:
        began.set()
        for _ in range(1000):
            if ctx.cancelled:
                saw.set()
                return
            time.sleep(0.01)

    with octollm.OctoLLM([works], home=octo_home) as octo:
        submitted = octo.submit_sync(plan("works"))
        assert began.wait(10)
        octo.cancel_sync(submitted.task_id)
        assert saw.wait(10)


def test_an_arm_that_cancels_itself_is_a_failed_step(run_arm: RunArm) -> None:
    @octollm.arm
    async def gives_up() -> None:
        raise asyncio.CancelledError

    step = run_arm(gives_up)
    assert step.status == "failed" and step.error is not None and "cancelled" in step.error.message
