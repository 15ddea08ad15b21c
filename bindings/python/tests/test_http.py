"""Over HTTP: an arm as a service, and an orchestrator on a server."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import octollm
import pytest
from conftest import plan, program, within

SERVICE = """
    import octollm
    @octollm.arm(capabilities=["weather_forecast"])
    {keyword} weather(location: str, ctx: octollm.ArmContext) -> dict[str, str]:
        "Weather forecast for a place."
        if location == "nowhere": raise ValueError("no such place")
        if location == "busy": raise octollm.ArmError("busy", temporary=True, retry_after=7)
        return {{"location": location, "task": ctx.task_id}}
    octollm.serve(weather, port=0)
"""


def started(command: list[str]) -> tuple[subprocess.Popen[str], str]:
    """A service and its address, which is the last word of its first line."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]


@pytest.fixture(params=["def", "async def"])
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    process, address = started(program(SERVICE.format(keyword=request.param)))
    yield address
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def call(url: str, body: Any = None) -> tuple[int, Any, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), error.headers


def test_an_arm_is_a_service_by_the_contract(service: str, octo_home: Path) -> None:
    status, descriptor, _ = call(f"{service}/capabilities")
    assert status == 200 and descriptor["arm_id"] == "weather"
    assert call(f"{service}/health")[1]["status"] == "healthy"
    status, output, _ = call(f"{service}/execute", {"location": "Paris"})
    assert status == 200 and output["location"] == "Paris"
    assert call(f"{service}/execute", {"place": "Paris"})[0] == 422
    status, problem, _ = call(f"{service}/execute", {"location": "nowhere"})
    assert status >= 500 or status == 422, problem
    status, problem, headers = call(f"{service}/execute", {"location": "busy"})
    assert headers["Retry-After"] == "7", (status, problem)
    with octollm.OctoLLM([service], home=octo_home) as octo:
        result = octo.run_sync("Get the weather forecast for Paris", context={"location": "Paris"})
        assert result.result == {"location": "Paris", "task": result.task_id}
        failed = octo.run_sync(plan("weather", location="nowhere"))
        assert failed.status == "failed" and failed.steps[0].attempts == 1


def test_an_arm_is_served_on_a_running_loop(capsys: pytest.CaptureFixture[str]) -> None:
    @octollm.arm
    async def hello(name: str) -> str:
        return f"hello {name}"

    async def main() -> None:
        service = asyncio.ensure_future(octollm.serve_async(hello, port=0))
        address = ""
        while not address:
            await asyncio.sleep(0.01)
            address = capsys.readouterr().out.strip()
        url = address.split()[-1] + "/execute"
        assert (await asyncio.to_thread(call, url, {"name": "x"}))[1] == "hello x"
        service.cancel()
        with pytest.raises(asyncio.CancelledError):
            await service

    within(20, main())


def test_serving_everybody_has_to_be_said() -> None:
    @octollm.arm
    def hello() -> str:
        return "hello"

    with pytest.raises(octollm.NotConfigured, match="insecure"):
        octollm.serve(hello, host="0.0.0.0", port=0)


def test_a_server_is_used_like_an_orchestrator_here(service: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "octollm", "serve", "--port", "0", "--home", str(tmp_path), "--arm", service]
    process, address = started(command)
    try:

        async def main() -> None:
            async with octollm.connect(address) as octo:
                result = await octo.run("Get the weather forecast for Paris", context={"location": "Paris"})
                assert result.ok and result.result["location"] == "Paris"
                events = [event async for event in octo.stream(plan("weather", location="Rome"))]
                assert events[-1].type == "task.completed"
                with pytest.raises(octollm.InvalidInput):
                    await octo.run("short")
                assert {arm["arm_id"] for arm in await octo.arms()} >= {"weather"}
                assert len((await octo.tasks()).tasks) == 2

        within(30, main())
        with octollm.connect(address) as octo:
            assert octo.run_sync(plan("weather", location="Oslo")).ok
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
