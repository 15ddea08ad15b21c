"""Who answers the calls of which arm. The native half knows an arm by a number, and holds nothing of Python's."""

from __future__ import annotations

import itertools
import threading
from typing import Protocol

from . import _native


class Handler(Protocol):
    """Answers calls."""

    def answer(self, call: _native.Call) -> None:
        """On a thread that may block."""

    async def answer_async(self, call: _native.Call) -> None:
        """On the arm's event loop."""


_handlers: dict[int, Handler] = {}
_keys = itertools.count(1)


def register(serve: Handler) -> int:
    """The number by which the native half may call it."""
    key = next(_keys)
    _handlers[key] = serve
    return key


def forget(key: int) -> None:
    """Nobody calls it any more."""
    _handlers.pop(key, None)


def handler(key: int) -> Handler | None:
    """Who answers, if anybody still does."""
    return _handlers.get(key)


def start_worker() -> None:
    """Sees to it that a thread waits for calls of synchronous arms."""
    if _native.needs_worker():
        _start()


def _start() -> None:
    # A daemon: an arm that never ends must not keep the interpreter from ending.
    threading.Thread(target=_work, name="octollm-arm", daemon=True).start()


def _work() -> None:
    taken = _native.take_call(True)
    while taken is not None:
        arm, call, needs_another = taken
        if needs_another:
            _start()
        serve = handler(arm)
        if serve is not None:
            serve.answer(call)
        # Not to be held while waiting: a call that is dropped without an answer fails.
        del taken, call
        taken = _native.take_call(False)
