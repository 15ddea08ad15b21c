"""An arm as an HTTP service of its own."""

from __future__ import annotations

from . import _native
from ._arms import AnyArm
from ._errors import native
from ._loop import answer, background, bridge_of


def serve(arm: AnyArm, *, host: str = "127.0.0.1", port: int = 8000, insecure: bool = False) -> None:
    """Serves an arm until Ctrl-C: ``GET /capabilities``, ``POST /execute``, ``GET /health``. Port 0 takes a free one.

    Without keys only this machine is served; another ``host`` needs ``insecure=True``.
    """
    registration = arm._registration(background()[1] if arm.is_async else None)
    try:
        address, service = native(_native.serve_arm, registration, host, port, insecure)
        _tell(arm, address)
        native(service.wait)
    except KeyboardInterrupt:
        pass
    finally:
        registration.end()


async def serve_async(arm: AnyArm, *, host: str = "127.0.0.1", port: int = 8000, insecure: bool = False) -> None:
    """As :func:`serve`, on the running loop, until the task is cancelled."""
    import asyncio

    registration = arm._registration(bridge_of(asyncio.get_running_loop()))
    try:
        address, service = native(_native.serve_arm, registration, host, port, insecure)
        _tell(arm, address)
        await answer(service)
    finally:
        registration.end()


def _tell(arm: AnyArm, address: str) -> None:
    print(f"arm {arm.descriptor['arm_id']} listening on http://{address}", flush=True)
