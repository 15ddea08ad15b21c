"""Parts of the brain in Python: a model, an embedder, a planner, a reader of goals, an integrator.

Each is a function or an object with one method, synchronous (then it has a thread of its own) or not (then it runs on
the event loop). It gets what it may know and answers plain data; whatever it raises fails the task as an arm's exception
fails a step, and an :class:`octollm.OctoLLMError` keeps its code.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Union, runtime_checkable

from . import _native, _types
from ._answering import Answering, Registration
from ._loop import LoopBridge

#: A plan as JSON, ``{"subtasks": [...]}``.
Plan = dict[str, Any]


@dataclass(frozen=True)
class Thought:
    """What a planner, a reader of goals or an integrator may know."""

    #: The TaskRequest: ``goal``, ``context``, ``constraints`` and what else was said.
    request: dict[str, Any]
    #: The arms there are: their descriptors, with ``health`` and ``stats``.
    arms: list[dict[str, Any]] = field(default_factory=list)
    #: The ParsedIntent, for a planner: ``required_capabilities``, ``complexity``.
    intent: dict[str, Any] | None = None
    #: Where the task stands, for an integrator, and for a planner that is to revise its plan.
    task: _types.TaskResult | None = None

    @property
    def goal(self) -> str:
        """What is asked for."""
        return str(self.request["goal"])


@dataclass(frozen=True)
class ModelRequest:
    """What a model is asked. ``raw`` holds everything, as JSON."""

    #: ``{"role": "system" | "user" | "assistant", "parts": [{"text": ...}, ...]}``, in order.
    messages: list[dict[str, Any]]
    #: What the answer is for: ``intent``, ``planning``, ``coding``, ``judging``, ``general``.
    purpose: str
    #: JSON Schema that the answer must satisfy, where one is asked for.
    schema: dict[str, Any] | None
    max_output_tokens: int | None
    temperature: float | None
    raw: dict[str, Any] = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """All that was said, a paragraph for each message."""
        return "\n\n".join("".join(part.get("text", "") for part in message["parts"]) for message in self.messages)


@runtime_checkable
class Model(Protocol):
    """A language model. ``name`` is ``vendor/model``; ``complete`` answers the text, or a :class:`ModelReply`.

    It may also say ``context_tokens``, ``max_output_tokens``, ``price`` (US dollars for a million tokens: ``{"input",
    "output", "cached_input", "cache_write"}``) and ``features`` (``{"json_schema": True}`` where it holds an answer to a
    schema; a prompt says so otherwise).
    """

    name: str

    def complete(self, request: ModelRequest, /) -> str | _types.ModelReply | Awaitable[str | _types.ModelReply]:
        """The whole answer."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Gives texts their vectors. ``id`` changes whenever a vector would."""

    id: str
    dimensions: int

    def embed(self, texts: list[str], /) -> Sequence[Sequence[float]] | Awaitable[Sequence[Sequence[float]]]:
        """One vector for each text; they need not be of length 1."""
        ...


@runtime_checkable
class Planner(Protocol):
    """Makes plans. One that also has ``revise`` is asked again when a step has failed; ``thought.task`` says why."""

    def plan(self, thought: Thought, /) -> Plan | None | Awaitable[Plan | None]:
        """A plan over the arms there are; None leaves it to the rules."""
        ...


@runtime_checkable
class IntentParser(Protocol):
    """Reads goals."""

    def parse(self, thought: Thought, /) -> Sequence[str] | dict[str, Any] | Awaitable[Sequence[str] | dict[str, Any]]:
        """The capabilities that the goal asks for, or a ParsedIntent."""
        ...


@runtime_checkable
class Integrator(Protocol):
    """Makes one result out of the outputs of a task's steps."""

    def integrate(self, thought: Thought, /) -> Any:
        """The task's result."""
        ...


AnyPlanner = Union[Planner, Callable[[Thought], Any]]
AnyParser = Union[IntentParser, Callable[[Thought], Any]]
AnyIntegrator = Union[Integrator, Callable[[Thought], Any]]


@dataclass(frozen=True)
class Part:
    """A part as it is registered: what it is, how it is described, and what is called."""

    what: str
    descriptor: dict[str, Any]
    work: Callable[[Any], Any]
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], Any]

    @property
    def is_async(self) -> bool:
        """Whether it runs on an event loop."""
        return inspect.iscoroutinefunction(self.work)

    def registration(self, bridge: LoopBridge | None) -> Registration:
        """The part for the native half."""
        loop = bridge if self.is_async else None
        return Registration(self.descriptor, Answering(self._on_loop if loop else self._call), loop)

    def _call(self, call: _native.Call) -> Any:
        about = json.loads(call.input)
        return self.write(self.work(self.read(about)), about)

    async def _on_loop(self, call: _native.Call) -> Any:
        about = json.loads(call.input)
        return self.write(await self.work(self.read(about)), about)


def _thought(about: dict[str, Any]) -> Thought:
    task = about.get("task")
    return Thought(about["request"], about["arms"], about.get("intent"), _types.task_result(task) if task else None)


def _request(about: dict[str, Any]) -> ModelRequest:
    output = about.get("output")
    schema = output["schema"]["schema"] if isinstance(output, dict) and "schema" in output else None
    return ModelRequest(
        about["messages"], about["purpose"], schema, about.get("max_output_tokens"), about.get("temperature"), about
    )


def _said(said: Any, _: Any) -> Any:
    if isinstance(said, _types.ModelReply):
        reply = {"text": said.text, "tool_calls": said.tool_calls, "finish": said.finish}
        tokens = {"input_tokens": said.usage.input_tokens, "output_tokens": said.usage.output_tokens}
        return {**reply, "tokens": tokens if any(tokens.values()) else None}
    return {"text": said}


def _intent(said: Any, about: dict[str, Any]) -> dict[str, Any]:
    request = about["request"]
    usual = {"goal": request["goal"], "constraints": request.get("constraints", []), "complexity": "medium"}
    own = said if isinstance(said, dict) else {"required_capabilities": list(said)}
    return {**usual, "source": "rules", **own}


def _plan(said: Any, _: Any) -> Any:
    # A plan without a source would pass for the caller's own, which nobody may revise.
    return {"source": "rules", **said} if isinstance(said, dict) else said


def _as_it_is(said: Any, _: Any) -> Any:
    return said


def _floats(said: Any, _: Any) -> list[list[float]]:
    return [[float(value) for value in vector] for vector in said]


def _work(part: Any, method: str) -> Callable[[Any], Any]:
    work = getattr(part, method, None) or part
    if not callable(work):
        raise TypeError(f"{type(part).__name__} can neither be called nor has it a method `{method}`")
    return work  # type: ignore[no-any-return]


def _planner(planner: Any) -> Part:
    plan, revise = _work(planner, "plan"), getattr(planner, "revise", None)
    descriptor = {"revises": revise is not None}
    if revise is None:
        return Part("planner", descriptor, plan, _thought, _plan)
    if inspect.iscoroutinefunction(plan) != inspect.iscoroutinefunction(revise):
        raise TypeError("`plan` and `revise` of a planner must both be coroutines, or neither")

    def either(thought: Thought) -> Any:
        return (revise if thought.task is not None else plan)(thought)

    async def either_async(thought: Thought) -> Any:
        return await either(thought)

    work = either_async if inspect.iscoroutinefunction(plan) else either
    return Part("planner", descriptor, work, _thought, _plan)


def _model(model: Model) -> Part:
    vendor, _, name = model.name.partition("/")
    known = ("context_tokens", "max_output_tokens", "price", "features")
    descriptor = {key: getattr(model, key) for key in known if hasattr(model, key)}
    descriptor |= {"vendor": vendor if name else "python", "model": name or vendor}
    return Part("model", descriptor, model.complete, _request, _said)


def _embedder(embedder: Embedder) -> Part:
    described = inspect.getdoc(type(embedder)) or f"an embedder in Python, {type(embedder).__name__}"
    descriptor = {"id": embedder.id, "dimensions": embedder.dimensions, "description": described}
    return Part("embedder", descriptor, embedder.embed, _as_they_are, _floats)


def _as_they_are(texts: Any) -> Any:
    return texts


def parts(
    model: Model | None,
    embedder: Embedder | None,
    planner: AnyPlanner | None,
    intent_parser: AnyParser | None,
    integrator: AnyIntegrator | None,
) -> list[Part]:
    """The parts that there are."""
    made: list[Part] = []
    if model is not None:
        made.append(_model(model))
    if embedder is not None:
        made.append(_embedder(embedder))
    if planner is not None:
        made.append(_planner(planner))
    if intent_parser is not None:
        made.append(Part("intent_parser", {}, _work(intent_parser, "parse"), _thought, _intent))
    if integrator is not None:
        made.append(Part("integrator", {}, _work(integrator, "integrate"), _thought, _as_it_is))
    return made
