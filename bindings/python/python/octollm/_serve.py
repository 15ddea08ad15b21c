"""An arm as an HTTP service of its own."""

from __future__ import annotations

import asyncio
from typing import Callable

from . import _native
from ._arms import AnyArm
from ._errors import native
from ._loop import answer, background_bridge, bridge_of


def serve(arm: AnyArm, *, host: str = "127.0.0.1", port: int = 8000, insecure: bool = False) -> None:
    """Serves an arm until Ctrl-C: ``GET /capabilities``, ``POST /execute``, ``GET /health``. Port 0 takes a free one.

    Without keys only this machine is served; another ``host`` needs ``insecure=True``.
    """
    registration = arm.registration(background_bridge() if arm.is_async else None)
    try:
        native(native(_native.serve_arm, registration, host, port, insecure, _listening(arm)).wait)
    except KeyboardInterrupt:
        pass


async def serve_async(arm: AnyArm, *, host: str = "127.0.0.1", port: int = 8000, insecure: bool = False) -> None:
    """As :func:`serve`, on the running loop, until the task is cancelled."""
    registration = arm.registration(bridge_of(asyncio.get_running_loop()))
    await answer(native(_native.serve_arm, registration, host, port, insecure, _listening(arm)))


def _listening(arm: AnyArm) -> Callable[[str], object]:
    def tell(address: str) -> None:
        print(f"arm {arm.descriptor['arm_id']} listening on http://{address}", flush=True)

    return tell
