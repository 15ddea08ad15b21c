"""What all tests share."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["octollm.testing"]

# Where the tests run in the background of a shell, it has SIGINT ignored, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No key, no model and no `octollm.toml` of this machine."""
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name.startswith(("OLLAMA", "LLM_", "OPENAI")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LLM_DISCOVERY", "off")
    monkeypatch.setenv("OCTOLLM_HOME", str(tmp_path / "default-home"))
    monkeypatch.chdir(tmp_path)
    yield


def plan(arm: str, count: int = 1, **inputs: Any) -> dict[str, Any]:
    """A task that has `arm` called `count` times, side by side."""
    steps = [
        {"step": number, "action": "test", "required_arm": arm, "input": inputs, "max_retries": 0}
        for number in range(1, count + 1)
    ]
    return {"goal": "Have an arm do what a test wants", "plan": {"subtasks": steps}}


async def until(true: Callable[[], bool], what: str) -> None:
    """Waits until something is so. The limit is there for tests that fail."""
    for _ in range(1500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never came to pass: {what}")


def within(seconds: float, work: Awaitable[Any]) -> Any:
    """Runs `work` on a loop of its own; a test that hangs fails."""

    async def limited() -> Any:
        return await asyncio.wait_for(work, seconds)

    return asyncio.run(limited())


def program(text: str) -> list[str]:
    """The command line of a Python program."""
    return [sys.executable, "-X", "faulthandler", "-W", "error::ResourceWarning", "-c", textwrap.dedent(text)]


def run_program(text: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a Python program to its end."""
    return subprocess.run(program(text), capture_output=True, text=True, timeout=60, **options)
