"""Event loops: how they hear of what the native half has done, and the one that runs for programs without one."""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import Any

from . import _native
from ._errors import from_document


class LoopBridge:
    """One event loop's ear. Whatever has come by the time the loop wakes is handled in one go."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self.native = _native.Bridge(loop.call_soon_threadsafe)
        self.native.on_wake(self._drain)
        #: Calls of arms that run on this loop, by the native call's key.
        self._calls: dict[int, asyncio.Task[None]] = {}

    def _drain(self) -> None:
        for item in self.native.take():
            if len(item) == 3:
                _settle(*item)
            else:
                self._call(*item)

    def _call(self, execute: Any, call: _native.Call) -> None:
        if execute is None:
            # Nobody waits for this call any more. It may have come to an end meanwhile.
            task = self._calls.get(call.key)
            if task is not None:
                task.cancel()
            return
        loop = self._loop()
        if loop is None or call.cancelled:
            return
        key = call.key
        task = loop.create_task(execute(call))
        self._calls[key] = task
        task.add_done_callback(lambda _: self._calls.pop(key, None))


def _settle(future: asyncio.Future[str | None], error: str | None, text: str | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(text)
    else:
        future.set_exception(from_document(error))


_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopBridge] = weakref.WeakKeyDictionary()


def bridge_of(loop: asyncio.AbstractEventLoop) -> LoopBridge:
    """The loop's bridge; call it on the loop's own thread."""
    bridge = _bridges.get(loop)
    if bridge is None:
        bridge = _bridges[loop] = LoopBridge(loop)
    return bridge


async def answer(pending: _native.Pending) -> str | None:
    """What ``pending`` comes to. Cancelling the wait gives the work up."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str | None] = loop.create_future()
    pending.attach(bridge_of(loop).native, future)
    try:
        return await future
    finally:
        pending.cancel()


_background_lock = threading.Lock()
_background: asyncio.AbstractEventLoop | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """A loop on a thread of its own: asynchronous arms run there when the program has no loop."""
    global _background
    with _background_lock:
        if _background is None or _background.is_closed():
            loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=(loop,), name="octollm-arms", daemon=True).start()
            _background = loop
        return _background


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def background_bridge() -> LoopBridge:
    """The background loop's bridge."""
    loop = background_loop()

    async def make() -> LoopBridge:
        return bridge_of(loop)

    return asyncio.run_coroutine_threadsafe(make(), loop).result()
