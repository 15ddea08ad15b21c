"""How anything in Python answers a call: an arm, a planner, a model."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from . import _native
from ._errors import OctoLLMError
from ._handlers import forget, register, start_worker
from ._loop import LoopBridge
from ._schema import encode

#: Bytes of a traceback that are kept with a failed step; the end says most.
_TRACEBACK = 8192


def _own(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that is not this package's; all of it where nothing else is there."""
    rest = trace
    while rest is not None and rest.tb_frame.f_globals.get("__package__") == __package__:
        rest = rest.tb_next
    return rest or trace


def _failure(call: _native.Call, error: BaseException) -> None:
    """Fails the call as the exception says."""
    import traceback

    lines = traceback.format_exception(type(error), error, _own(error.__traceback__))
    trace = "".join(lines).encode(errors="replace")[-_TRACEBACK:].decode(errors="ignore")
    if isinstance(error, OctoLLMError):
        call.fail(
            error.code,
            error.summary,
            temporary=error.temporary,
            retry_after=error.retry_after,
            hint=error.hint,
            trace=trace,
        )
        return
    # asyncio's is another one before Python 3.11; it cannot have been raised where nobody has imported asyncio.
    loops = sys.modules.get("asyncio")
    late = (TimeoutError,) if loops is None else (TimeoutError, loops.TimeoutError)
    temporary = isinstance(error, (ConnectionError, *late))
    said = "".join(traceback.format_exception_only(type(error), error)).strip()
    call.fail("arm_failed", said, temporary=temporary, trace=trace)


class Answering:
    """Answers calls with what ``work`` makes of them: a value, or on an event loop a coroutine of one."""

    def __init__(self, work: Callable[[_native.Call], Any]) -> None:
        self._work = work

    def answer(self, call: _native.Call) -> None:
        """On a thread that may block."""
        try:
            call.complete(encode(self._work(call)))
        except BaseException as error:  # whatever it raises is a failed call, and no more
            _failure(call, error)

    async def answer_async(self, call: _native.Call) -> None:
        """On an event loop."""
        import asyncio

        try:
            said = self._work(call)
            call.complete(encode(await said if inspect.isawaitable(said) else said))
        except asyncio.CancelledError:
            # By us, and nobody waits; or by a loop that ends, and the step is tried again.
            call.fail("unavailable", "the coroutine was cancelled by its program", temporary=True)
            raise
        except (KeyboardInterrupt, SystemExit) as error:
            _failure(call, error)
            raise
        except BaseException as error:  # whatever it raises is a failed call, and no more
            _failure(call, error)


class Registration:
    """Something that answers, as the native half takes it, until :meth:`end`."""

    def __init__(
        self, descriptor: dict[str, Any], answering: Answering, loop: LoopBridge | None, has_health: bool = False
    ) -> None:
        self.descriptor = json.dumps(descriptor)
        self.has_health = has_health
        self.bridge = loop.native if loop is not None else None
        self.key = register(answering)
        if loop is None:
            start_worker()

    def end(self) -> None:
        """Nobody calls it any more."""
        forget(self.key)
