"""Arms in Python: a function with type hints, or a class."""

from __future__ import annotations

import functools
import inspect
import json
import sys
import time
import typing
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from . import _native
from ._answering import Answering, Registration
from ._errors import Conflict, OctoLLMError, native
from ._loop import LoopBridge, answer
from ._schema import Schemas, decoder, encode, object_schema

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._client import OctoLLM
    from ._memory import Memory
    from ._types import ModelOptions, ModelReply, Prompt, TaskOptions, TaskResult

Work = TypeVar("Work", bound=Callable[..., Any])
SideEffects = Literal["none", "idempotent", "unsafe"]
Health = Literal["healthy", "degraded", "unhealthy"]


class ArmContext:
    """What an arm may know of the call it works on, and where it says how far it is."""

    def __init__(self, call: _native.Call, octo: OctoLLM | None = None) -> None:
        self._call = call
        self._octo = octo

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Says what is being done, and how much of it is done (0 to 1). Whoever follows the task sees it."""
        self._call.progress(message, fraction)

    @property
    def task_id(self) -> str:
        """The task."""
        return self._call.task_id

    @property
    def request_id(self) -> str:
        """The same for every attempt at one step: an idempotency key."""
        return self._call.request_id

    @property
    def step(self) -> int:
        """The step's number in the task's plan."""
        return self._call.step

    @property
    def attempt(self) -> int:
        """Which attempt at the step this is, from 1."""
        return self._call.attempt

    @property
    def remaining(self) -> float:
        """Seconds until the answer is of no more use."""
        return self._call.remaining

    @property
    def deadline(self) -> float:
        """When the answer is of no more use, on the clock of ``time.monotonic()``."""
        return time.monotonic() + self._call.remaining

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more. Long synchronous work should look now and then."""
        return self._call.cancelled

    @property
    def octo(self) -> OctoLLM:
        """The orchestrator that the arm works for: its memory, its other arms."""
        if self._octo is None:
            raise OctoLLMError("this arm is served on its own, without an orchestrator")
        return self._octo

    @property
    def memory(self) -> Memory:
        """What tasks and arms share: knowledge graph, cache, vectors."""
        return self.octo.memory

    async def model(self, prompt: Prompt, **options: Unpack[ModelOptions]) -> ModelReply:
        """Asks the language model, within what the task may still spend; it counts as used by this step."""
        return await self.octo._complete(prompt, options, self._call)

    def model_sync(self, prompt: Prompt, **options: Unpack[ModelOptions]) -> ModelReply:
        """As :meth:`model`, for synchronous arms."""
        return self.octo._complete_sync(prompt, options, self._call)

    async def call(self, arm: str, /, **inputs: Any) -> Any:
        """Another arm's output for these inputs. ``arm`` is its id, or a capability: then the best arm that has it.

        The call belongs to this step: it ends with it, and what it uses counts as used by it. An arm may ask only arms
        that do no more to the world than it has declared itself; other work is a task of its own, see :meth:`run`.
        """
        return json.loads(await answer(native(self._call.ask, arm, encode(inputs))) or "null")

    def call_sync(self, arm: str, /, **inputs: Any) -> Any:
        """As :meth:`call`, for synchronous arms."""
        loops = sys.modules.get("asyncio")
        if loops is not None and loops._get_running_loop() is not None:
            raise Conflict("a synchronous call would hold the event loop up", hint="await `ctx.call`")
        return json.loads(native(native(self._call.ask, arm, encode(inputs)).wait) or "null")

    async def run(self, goal: str, **options: Unpack[TaskOptions]) -> TaskResult:
        """Runs a sub-task of this task: it is cancelled with this one."""
        return await self.octo.run({"goal": goal, **options, "parent_task_id": self.task_id})

    def run_sync(self, goal: str, **options: Unpack[TaskOptions]) -> TaskResult:
        """As :meth:`run`, for synchronous arms."""
        return self.octo.run_sync({"goal": goal, **options, "parent_task_id": self.task_id})

    def __repr__(self) -> str:
        return f"ArmContext(task_id={self.task_id!r}, step={self.step}, attempt={self.attempt})"


class _Signature:
    """What a function takes and gives, as schemas."""

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = _hints(function)
        schemas = Schemas()
        properties: dict[str, Any] = {}
        required: list[str] = []
        closed = True
        self.decoders: dict[str, Callable[[Any], Any]] = {}
        self.context: str | None = None
        for name, parameter in inspect.signature(function).parameters.items():
            hint = hints.get(name, Any)
            if hint is ArmContext or (name == "ctx" and hint is Any):
                self.context = name
            elif parameter.kind is parameter.VAR_KEYWORD:
                closed = False
            elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
                raise TypeError(f"an arm is called by name: `{name}` of {function.__qualname__} cannot be")
            else:
                self._decode_with(name, decoder(hint))
                properties[name] = schemas.of(hint)
                if parameter.default is parameter.empty:
                    required.append(name)
                else:
                    properties[name] = _with_default(properties[name], parameter.default)
        self.input = schemas.finish(object_schema(properties, required, closed))
        self.output = Schemas().document(hints.get("return", Any))

    def _decode_with(self, name: str, decode: Callable[[Any], Any] | None) -> None:
        if decode is not None:
            self.decoders[name] = decode

    def arguments(self, call: _native.Call, octo: OctoLLM | None) -> dict[str, Any]:
        """The function's arguments for this call."""
        arguments: dict[str, Any] = json.loads(call.input)
        for name, decode in self.decoders.items():
            if name in arguments:
                arguments[name] = decode(arguments[name])
        if self.context:
            arguments[self.context] = ArmContext(call, octo)
        return arguments


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"a type hint of the arm `{function.__qualname__}` cannot be looked up: {error}. Types that hints name must "
            "stand at the top level of the arm's module"
        ) from error


def _with_default(schema: dict[str, Any], default: Any) -> dict[str, Any]:
    try:
        return {**schema, "default": json.loads(encode(default))}
    except (TypeError, ValueError):
        return schema


class FunctionArm(Generic[Work]):
    """A function that is an arm, too. Called, it is still the function."""

    __name__: str

    def __init__(self, function: Work, descriptor: dict[str, Any]) -> None:
        if not inspect.isroutine(function):
            raise TypeError(f"an arm is a function, not {function!r}: write a `def`, or subclass `octollm.Arm`")
        functools.update_wrapper(self, function)
        self.function = function
        self.signature = _Signature(function)
        self._is_async = inspect.iscoroutinefunction(function)
        #: The arm's ArmDescriptor: who it is, and what it takes and gives.
        self.descriptor: dict[str, Any] = {
            "arm_id": function.__name__,
            "name": function.__name__.replace("_", " ").capitalize(),
            "version": "1.0.0",
            "description": inspect.getdoc(function),
            "capabilities": [function.__name__],
            "input_schema": self.signature.input,
            "output_schema": self.signature.output,
            **{name: value for name, value in descriptor.items() if value is not None},
        }
        # What is wrong with it is said where it is written, and not where it is used.
        native(_native.check_arm, json.dumps(self.descriptor))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.function(*arguments, **named)

    def __repr__(self) -> str:
        return f"<arm {self.descriptor['arm_id']!r}: {', '.join(self.descriptor['capabilities'])}>"

    @property
    def is_async(self) -> bool:
        """Whether the arm runs on an event loop."""
        return self._is_async

    def _registration(
        self, bridge: LoopBridge | None, octo: OctoLLM | None = None, health: Callable[[], Any] | None = None
    ) -> Registration:
        """The arm for the native half; an asynchronous one runs on this bridge's loop."""

        def work(call: _native.Call) -> Any:
            if call.asks_health:
                return health and health()
            return self.function(**self.signature.arguments(call, octo))

        loop = bridge if self._is_async else None
        return Registration(self.descriptor, Answering(work), loop, health is not None)


class Arm:
    """An arm with a state. Give it ``capabilities``, and an ``execute`` with type hints, synchronous or not.

    >>> class Echo(Arm):
    ...     "Says what it hears."
    ...     capabilities = ["echo"]
    ...
    ...     def execute(self, word: str) -> str:
    ...         return word
    >>> Echo().descriptor["input_schema"]["required"]
    ['word']
    """

    #: Unique name; the class's by default.
    arm_id: str | None = None
    #: What it can do.
    capabilities: list[str] = []
    #: 1 (free or nearly so) to 5 (dear).
    cost_tier: int = 3
    #: Calls that it takes at once.
    max_concurrent: int = 10
    #: What its work does to the world.
    side_effects: SideEffects = "idempotent"
    #: Whether the same input may get another answer a moment later (the time, the weather): such answers are not given again.
    varies: bool = False
    #: Personal data and secrets that it cannot work without, by type (``email``) or kind (``pii``, ``secret``): it gets these
    #: values, and placeholders for all others.
    needs_pii: list[str] = []
    #: Called with the input's properties by name; a parameter ``ctx`` gets the :class:`ArmContext`.
    execute: Callable[..., Any]

    def health(self) -> Health | Awaitable[Health]:
        """How the arm is. Called where ``execute`` is: may be a coroutine where that is one."""
        return "healthy"

    def close(self) -> None | Awaitable[None]:
        """Called once, when the orchestrator is closed. May be a coroutine where ``execute`` is one."""

    @functools.cached_property
    def _function(self) -> FunctionArm[Any]:
        if not callable(getattr(self, "execute", None)):
            raise TypeError(f"the arm `{type(self).__name__}` has no method `execute`: that is what it does")
        name = self.arm_id or type(self).__name__.lower()
        described = {
            "arm_id": name,
            "name": type(self).__name__,
            "description": inspect.getdoc(type(self)),
            "capabilities": self.capabilities or [name],
            "cost_tier": self.cost_tier,
            "max_concurrent": self.max_concurrent,
            "side_effects": self.side_effects,
            "varies": self.varies,
            "needs_pii": self.needs_pii,
        }
        return FunctionArm(self.execute, described)

    @property
    def descriptor(self) -> dict[str, Any]:
        """The arm's ArmDescriptor: who it is, and what it takes and gives."""
        return self._function.descriptor

    @property
    def is_async(self) -> bool:
        """Whether the arm runs on an event loop."""
        return self._function.is_async

    def _registration(self, bridge: LoopBridge | None, octo: OctoLLM | None = None) -> Registration:
        """The arm for the native half; an asynchronous one runs on this bridge's loop."""
        return self._function._registration(bridge, octo, self.health)


AnyArm = typing.Union[FunctionArm[Any], Arm]


@overload
def arm(function: Work, /) -> FunctionArm[Work]: ...
@overload
def arm(
    *,
    arm_id: str | None = None,
    name: str | None = None,
    version: str | None = None,
    description: str | None = None,
    capabilities: list[str] | None = None,
    cost_tier: int | None = None,
    average_latency_ms: int | None = None,
    max_concurrent: int | None = None,
    side_effects: SideEffects | None = None,
    varies: bool | None = None,
    needs_pii: list[str] | None = None,
    input_schema: dict[str, Any] | None = None,
    output_schema: dict[str, Any] | None = None,
) -> Callable[[Work], FunctionArm[Work]]: ...
def arm(
    function: Any = None,
    /,
    *,
    arm_id: str | None = None,
    name: str | None = None,
    version: str | None = None,
    description: str | None = None,
    capabilities: list[str] | None = None,
    cost_tier: int | None = None,
    average_latency_ms: int | None = None,
    max_concurrent: int | None = None,
    side_effects: SideEffects | None = None,
    varies: bool | None = None,
    needs_pii: list[str] | None = None,
    input_schema: dict[str, Any] | None = None,
    output_schema: dict[str, Any] | None = None,
) -> Any:
    """Makes a function an arm. Its type hints become schemas, its docstring the description.

    A parameter ``ctx`` gets the :class:`ArmContext` of the call. What is not said is found in the function, or a default:

    - ``arm_id``: unique name, the function's; ``name``: for people; ``version``: ``"1.0.0"``; ``description``
    - ``capabilities``: what it can do (``["weather_forecast"]``), the function's name
    - ``cost_tier``: 1 (free or nearly so) to 5 (dear), 3; ``average_latency_ms``: what a call usually takes
    - ``max_concurrent``: calls that it takes at once, 10
    - ``side_effects``: ``"none"``, ``"idempotent"`` (the default: it may be asked twice) or ``"unsafe"``
    - ``varies``: whether the same input may get another answer a moment later, which is then not given again
    - ``needs_pii``: personal data and secrets that it cannot work without, by type (``["email"]``) or kind (``["pii"]``,
      ``["secret"]``): it gets these values, and placeholders for all others
    - ``input_schema``, ``output_schema``: JSON Schemas in place of those of the hints, for a function that takes ``**inputs``

    >>> @arm(capabilities=["altitude_lookup"], cost_tier=1)
    ... def altitude(place: str, unit: Literal["m", "ft"] = "m") -> float:
    ...     "How high a place lies above the sea."
    ...     return 3640.0
    >>> altitude("La Paz")
    3640.0
    >>> altitude.descriptor["input_schema"]["properties"]["unit"]
    {'enum': ['m', 'ft'], 'default': 'm'}
    """
    if function is not None:
        return FunctionArm(function, {})
    descriptor: dict[str, Any] = {
        "arm_id": arm_id,
        "name": name,
        "version": version,
        "description": description,
        "capabilities": capabilities,
        "cost_tier": cost_tier,
        "average_latency_ms": average_latency_ms,
        "max_concurrent": max_concurrent,
        "side_effects": side_effects,
        "varies": varies,
        "needs_pii": needs_pii,
        "input_schema": input_schema,
        "output_schema": output_schema,
    }
    return lambda work: FunctionArm(work, descriptor)
