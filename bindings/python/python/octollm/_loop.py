"""Event loops: how they hear of what the native half has done, and the one that runs for programs without one.

asyncio is imported where a loop is needed: it takes longer than all the rest, and many programs never have a loop.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from . import _native
from ._errors import from_document
from ._handlers import handler

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

_ANSWERED, _CALLED = 0, 1


class LoopBridge:
    """One event loop's ear. Whatever has come by the time the loop wakes is handled in one go."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self.native = _native.Bridge()
        #: Waits by the key of what they wait for.
        self._waits: dict[int, asyncio.Future[str | None]] = {}
        #: Calls of arms that run on this loop, by the call's key.
        self._calls: dict[int, asyncio.Task[None]] = {}
        loop.add_reader(self.native.fileno(), self._drain)

    def end_with_loop(self) -> None:
        """Has calls refused that come when the loop has ended. Call it while the loop runs."""
        self._end = self._until_the_end()
        # A loop knows the generators that were started on it, and closes them when it ends.
        try:
            self._end.asend(None).send(None)
        except StopIteration:
            pass

    async def _until_the_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.native.close()

    def expect(self, pending: _native.Pending, future: asyncio.Future[str | None]) -> int:
        """Has ``future`` settled when ``pending`` is; answers the key that :meth:`forget` takes."""
        key = pending.attach(self.native)
        self._waits[key] = future
        return key

    def forget(self, key: int) -> None:
        """Nobody waits for this any more."""
        self._waits.pop(key, None)

    def _drain(self) -> None:
        for kind, key, first, second in self.native.take():
            if kind == _ANSWERED:
                future = self._waits.pop(key, None)
                if future is not None and not future.done():
                    if first is None:
                        future.set_result(second)
                    else:
                        future.set_exception(from_document(first))
            elif kind == _CALLED:
                self._begin(key, first, second)
            else:
                # Nobody waits for this call any more. It may have come to an end meanwhile.
                task = self._calls.get(key)
                if task is not None:
                    task.cancel()

    def _begin(self, key: int, arm: int, call: _native.Call) -> None:
        loop, serve = self._loop(), handler(arm)
        # A call dropped here fails, if anybody still waits for it.
        if loop is None or serve is None or call.cancelled:
            return
        task = loop.create_task(serve.answer_async(call))
        self._calls[key] = task
        task.add_done_callback(lambda _: self._calls.pop(key, None))


_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopBridge] = weakref.WeakKeyDictionary()


def bridge_of(loop: asyncio.AbstractEventLoop) -> LoopBridge:
    """The loop's bridge; call it on the loop's own thread."""
    bridge = _bridges.get(loop)
    if bridge is None:
        bridge = _bridges[loop] = LoopBridge(loop)
        if loop.is_running():
            bridge.end_with_loop()
    return bridge


async def answer(pending: _native.Pending) -> str | None:
    """What ``pending`` comes to. Cancelling the wait gives the work up."""
    import asyncio

    loop = asyncio.get_running_loop()
    bridge = bridge_of(loop)
    future: asyncio.Future[str | None] = loop.create_future()
    key = bridge.expect(pending, future)
    try:
        return await future
    except asyncio.CancelledError:
        bridge.forget(key)
        pending.cancel()
        raise


_background_lock = threading.Lock()
_background: tuple[asyncio.AbstractEventLoop, LoopBridge] | None = None


def background() -> tuple[asyncio.AbstractEventLoop, LoopBridge]:
    """A loop on a thread of its own: asynchronous arms run there when the program has no loop."""
    global _background
    import asyncio

    with _background_lock:
        if _background is None or _background[0].is_closed():
            loop = asyncio.new_event_loop()
            bridge = bridge_of(loop)  # nothing runs on it yet
            threading.Thread(target=_run, args=(loop,), name="octollm-arms", daemon=True).start()
            _background = (loop, bridge)
        return _background


def _run(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    asyncio.set_event_loop(loop)
    loop.run_forever()


def stop_background() -> None:
    """Stops that loop, when the interpreter ends."""
    if _background is not None:
        loop = _background[0]
        loop.call_soon_threadsafe(loop.stop)
