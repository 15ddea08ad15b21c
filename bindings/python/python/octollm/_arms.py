"""Arms in Python: a function with type hints, or a class."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import traceback
import typing
from typing import Any, Awaitable, Callable, Generic, Literal, TypeVar, overload

from . import _native
from ._errors import OctoLLMError
from ._loop import LoopBridge
from ._schema import Schemas, decode, encode, object_schema

Work = TypeVar("Work", bound=Callable[..., Any])
SideEffects = Literal["none", "idempotent", "unsafe"]
Health = Literal["healthy", "degraded", "unhealthy"]

#: Bytes of a traceback that are kept with a failed step; the end says most.
_TRACEBACK = 8192


class ArmContext:
    """What an arm may know of the call it works on, and where it says how far it is."""

    def __init__(self, call: _native.Call) -> None:
        self._call = call

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
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more. Long synchronous work should look now and then."""
        return self._call.cancelled

    def __repr__(self) -> str:
        return f"ArmContext(task_id={self.task_id!r}, step={self.step}, attempt={self.attempt})"


class _Registration:
    """An arm as the native half takes it."""

    def __init__(
        self,
        descriptor: str,
        execute: Callable[..., Any],
        health: Callable[[], str] | None,
        bridge: _native.Bridge | None,
    ) -> None:
        self.descriptor = descriptor
        self.execute = execute
        self.health = health
        self.bridge = bridge


class _Signature:
    """What a function takes and gives, as schemas."""

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = typing.get_type_hints(function, include_extras=True)
        schemas = Schemas()
        properties: dict[str, Any] = {}
        required: list[str] = []
        closed = True
        self.kinds: dict[str, Any] = {}
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
                self.kinds[name] = hint
                properties[name] = schemas.of(hint)
                if parameter.default is parameter.empty:
                    required.append(name)
                else:
                    properties[name] = _with_default(properties[name], parameter.default)
        self.input = schemas.finish(object_schema(properties, required, closed))
        self.output = Schemas().document(hints.get("return", Any))

    def arguments(self, call: _native.Call) -> dict[str, Any]:
        """The function's arguments for this call."""
        given = json.loads(call.input)
        arguments = {name: decode(value, self.kinds.get(name, Any)) for name, value in given.items()}
        if self.context:
            arguments[self.context] = ArmContext(call)
        return arguments


def _with_default(schema: dict[str, Any], default: Any) -> dict[str, Any]:
    try:
        return {**schema, "default": json.loads(encode(default))}
    except (TypeError, ValueError):
        return schema


def _failure(call: _native.Call, error: BaseException) -> None:
    """Fails the call as the exception says."""
    if isinstance(error, OctoLLMError):
        call.fail(str(error), error.temporary, error.retry_after)
        return
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    trace = "".join(lines).encode()[-_TRACEBACK:].decode(errors="ignore")
    temporary = isinstance(error, (ConnectionError, TimeoutError, asyncio.TimeoutError))
    call.fail(f"{type(error).__name__}: {error}\n{trace}", temporary)


def _execute_now(signature: _Signature, function: Callable[..., Any], call: _native.Call) -> None:
    """A synchronous arm, on a thread that it may block."""
    try:
        call.complete(encode(function(**signature.arguments(call))))
    except BaseException as error:  # whatever an arm raises is a failed step, and no more
        _failure(call, error)


async def _execute_later(signature: _Signature, function: Callable[..., Awaitable[Any]], call: _native.Call) -> None:
    """An asynchronous arm, on its loop."""
    try:
        call.complete(encode(await function(**signature.arguments(call))))
    except asyncio.CancelledError:
        call.fail("the arm was cancelled", False)
        raise
    except BaseException as error:  # whatever an arm raises is a failed step, and no more
        _failure(call, error)


class FunctionArm(Generic[Work]):
    """A function that is an arm, too. Called, it is still the function."""

    def __init__(self, function: Work, descriptor: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self._signature = _Signature(function)
        self._is_async = inspect.iscoroutinefunction(function)
        #: The arm's ArmDescriptor: who it is, and what it takes and gives.
        self.descriptor: dict[str, Any] = {
            "arm_id": function.__name__,
            "name": function.__name__.replace("_", " ").capitalize(),
            "version": "1.0.0",
            "description": inspect.getdoc(function),
            "capabilities": [function.__name__],
            "input_schema": self._signature.input,
            "output_schema": self._signature.output,
            **{name: value for name, value in descriptor.items() if value is not None},
        }

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.function(*arguments, **named)

    def __repr__(self) -> str:
        return f"<arm {self.descriptor['arm_id']!r}: {', '.join(self.descriptor['capabilities'])}>"

    @property
    def is_async(self) -> bool:
        """Whether the arm runs on an event loop."""
        return self._is_async

    def registration(self, bridge: LoopBridge | None) -> _Registration:
        """The arm for the native half; an asynchronous one runs on this bridge's loop."""
        run = _execute_later if self._is_async else _execute_now
        execute = functools.partial(run, self._signature, self.function)
        loop = bridge.native if bridge is not None and self._is_async else None
        return _Registration(json.dumps(self.descriptor), execute, None, loop)


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
    #: Called with the input's properties by name; a parameter ``ctx`` gets the :class:`ArmContext`.
    execute: Callable[..., Any]

    def health(self) -> Health:
        """How the arm is; called from a thread."""
        return "healthy"

    def close(self) -> None:
        """Called once, when the orchestrator is closed."""

    @functools.cached_property
    def _function(self) -> FunctionArm[Any]:
        name = self.arm_id or type(self).__name__.lower()
        described = {
            "arm_id": name,
            "name": type(self).__name__,
            "description": inspect.getdoc(type(self)),
            "capabilities": self.capabilities or [name],
            "cost_tier": self.cost_tier,
            "max_concurrent": self.max_concurrent,
            "side_effects": self.side_effects,
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

    def registration(self, bridge: LoopBridge | None) -> _Registration:
        """The arm for the native half; an asynchronous one runs on this bridge's loop."""
        made = self._function.registration(bridge)
        made.health = self.health
        return made


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
) -> Callable[[Work], FunctionArm[Work]]: ...
def arm(function: Any = None, /, **descriptor: Any) -> Any:
    """Makes a function an arm. Its type hints become schemas, its docstring the description.

    A parameter ``ctx`` gets the :class:`ArmContext` of the call.

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
    return lambda work: FunctionArm(work, descriptor)
