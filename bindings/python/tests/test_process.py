"""The process around it: signals, forks, the interpreter's end, threads and loops, crashes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import octollm
import pytest
import uvloop
from anyio import run, to_thread
from conftest import plan, program, run_program, within

SLEEPY = """
    import asyncio, sys, time, threading, os, signal
    import octollm

    @octollm.arm
    async def slow(path: str = "") -> str:
        if path: open(path, "w").close()
        await asyncio.sleep(100)
        return "slept"

    @octollm.arm
    def slow_sync(path: str = "") -> str:
        if path: open(path, "w").close()
        time.sleep(100)
        return "slept"

    def plan(arm, **inputs):
        step = {"step": 1, "action": "x", "required_arm": arm, "input": inputs}
        return {"goal": "Have an arm do what a test wants", "plan": {"subtasks": [step]}}
"""


@octollm.arm
async def lingers() -> None:
    await asyncio.sleep(100)


def wait_for_file(path: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(3000):
        if path.exists():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("the arm never began")


@pytest.mark.parametrize("arm", ["slow", "slow_sync"])
def test_ctrl_c_ends_a_blocking_call_and_its_task(tmp_path: Path, arm: str) -> None:
    text = (
        SLEEPY
        + f"""
    with octollm.OctoLLM([slow, slow_sync], home={str(tmp_path / "home")!r}) as octo:
        try:
            octo.run_sync(plan({arm!r}, path={str(tmp_path / "began")!r}))
        except KeyboardInterrupt:
            for _ in range(500):
                (task,) = octo.tasks_sync().tasks
                if task.status == "cancelled": break
                time.sleep(0.01)
            print("interrupted", task.status)
    """
    )
    process = subprocess.Popen(program(text), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_file(tmp_path / "began", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "interrupted cancelled\n"), err


def test_the_interpreter_ends_cleanly_with_tasks_running(tmp_path: Path) -> None:
    text = (
        SLEEPY
        + f"""
    octo = octollm.OctoLLM([slow, slow_sync], home={str(tmp_path / "home")!r})
    for arm in ("slow", "slow_sync") * 4: octo.submit_sync(plan(arm))
    time.sleep(0.2)
    print("bye")
    """
    )
    ended = run_program(text)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "bye\n", "")


def test_a_loop_that_ends_with_tasks_running_ends_cleanly(tmp_path: Path) -> None:
    text = (
        SLEEPY
        + f"""
    async def main():
        octo = await octollm.OctoLLM([slow, slow_sync], home={str(tmp_path / "home")!r}).__aenter__()
        waits = [asyncio.ensure_future(octo.run(plan(arm))) for arm in ("slow", "slow_sync") * 4]
        await asyncio.sleep(0.2)
        return octo
    octo = asyncio.run(main())
    print("bye")
    """
    )
    ended = run_program(text)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "bye\n", "")


def test_arms_of_a_loop_that_has_ended_are_refused_and_not_waited_for(octo_home: Path) -> None:
    async def opened() -> octollm.OctoLLM:
        octo = octollm.OctoLLM([lingers], home=octo_home)
        await octo.__aenter__()
        await octo.submit(plan("lingers"))
        return octo

    octo = asyncio.run(opened())
    with pytest.raises(octollm.Conflict, match="event loop that this orchestrator's arms run on is closed"):
        octo.run_sync(plan("lingers"))
    octo.close_sync(grace=0.1)

    # What is called after the loop's end fails, also where the loop is not closed yet.
    async def ends() -> str:
        octo = octollm.OctoLLM([lingers], home=octo_home / "other")
        loop = asyncio.new_event_loop()
        await asyncio.to_thread(loop.run_until_complete, octo.__aenter__())
        await asyncio.to_thread(loop.run_until_complete, loop.shutdown_asyncgens())
        ended = await octo.run(plan("lingers"))
        loop.close()
        await asyncio.to_thread(octo.close_sync, grace=0.1)
        assert ended.error is not None
        return ended.error.message

    assert "event loop is closed" in within(30, ends())


def test_a_task_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    """A run that was refused used to be waited for twice, which a thread of the library panicked about."""
    text = (
        SLEEPY
        + f"""
    with octollm.OctoLLM([slow_sync], home={str(tmp_path / "home")!r}) as octo:
        for run in (octo.run_sync, octo.submit_sync, lambda task: next(octo.stream_sync(task))):
            try:
                run(plan("nobody"))
            except octollm.InvalidInput as error:
                print(error.details[0]["pointer"])
    """
    )
    ended = run_program(text)
    assert (ended.stdout, ended.stderr) == ("/plan/subtasks/0/required_arm\n" * 3, "")


def test_a_fork_is_refused_clearly(tmp_path: Path) -> None:
    text = f"""
    import os, octollm
    @octollm.arm
    def shout(word: str) -> str: return word.upper()
    octo = octollm.OctoLLM([shout], home={str(tmp_path / "home")!r})
    octo.tasks_sync()
    child = os.fork()
    if child == 0:
        try: octo.tasks_sync()
        except octollm.Conflict as error: print(error, flush=True)
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(octo.tasks_sync().tasks))
    octo.close_sync()
    """
    ended = run_program(text)
    assert ended.returncode == 0, ended.stderr
    assert "cannot be used after a fork" in ended.stdout and "spawn" in ended.stdout
    assert ended.stdout.endswith("7 0\n")


def test_many_loops_threads_and_instances(tmp_path: Path) -> None:
    @octollm.arm
    async def hello(name: str) -> str:
        await asyncio.sleep(0)
        return f"hello {name}"

    @octollm.arm
    def shout(word: str) -> str:
        return word.upper()

    said: list[object] = []

    def in_thread(number: int) -> None:
        async def main() -> None:
            async with octollm.OctoLLM([hello, shout], home=tmp_path / str(number)) as octo:
                for _ in range(3):
                    said.append((await octo.run(plan("hello", name=str(number)))).result)
                    said.append((await octo.run(plan("shout", word="a"))).result)

        within(60, main())

    threads = [threading.Thread(target=in_thread, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, said)) == sorted([f"hello {n}" for n in range(4)] * 3 + ["A"] * 12)


def test_one_orchestrator_serves_several_loops(octo_home: Path) -> None:
    @octollm.arm
    async def hello(name: str) -> str:
        return f"hello {name}"

    with octollm.OctoLLM([hello], home=octo_home) as octo:
        octo.tasks_sync()
        for name in ("a", "b"):
            assert within(20, octo.run(plan("hello", name=name))).result == f"hello {name}"
        assert octo.run_sync(plan("hello", name="c")).result == "hello c"


def test_a_synchronous_call_on_the_arms_loop_is_refused(octo_home: Path) -> None:
    async def main() -> None:
        async with octollm.OctoLLM(home=octo_home) as octo:
            with pytest.raises(octollm.Conflict, match="event loop"):
                octo.tasks_sync()

    within(20, main())


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not there")
def test_uvloop_runs_arms(octo_home: Path) -> None:
    @octollm.arm
    async def hello(name: str) -> str:
        await asyncio.sleep(0.01)
        return f"{type(asyncio.get_running_loop()).__module__} {name}"

    async def main() -> object:
        async with octollm.OctoLLM([hello], home=octo_home) as octo:
            return [event async for event in octo.stream(plan("hello", name="x"))][-1].data["result"]

    assert uvloop.run(main()) == "uvloop x"


def test_trio_calls_the_synchronous_face(octo_home: Path) -> None:
    @octollm.arm
    async def hello(name: str) -> str:
        return f"hello {name}"

    async def main() -> None:
        with octollm.OctoLLM([hello], home=octo_home) as octo:
            result = await to_thread.run_sync(octo.run_sync, plan("hello", name="trio"))
            assert result.result == "hello trio"

    run(main, backend="trio")


CRASHING = """
    import os, sys, octollm

    @octollm.arm
    def first() -> str:
        open(sys.argv[1] + "/first", "a").write("x")
        return "first"

    @octollm.arm
    def second(word: str) -> str:
        open(sys.argv[1] + "/second", "a").write("x")
        if sys.argv[2] == "die": os.kill(os.getpid(), 9)
        return word + " and second"

    steps = [
        {"step": 1, "action": "x", "required_arm": "first", "input": {}},
        {"step": 2, "action": "y", "required_arm": "second", "input": {"word": {"$step": 1, "pointer": ""}}},
    ]
    octo = octollm.OctoLLM([first, second], home=sys.argv[1])
"""


def test_a_task_goes_on_after_a_kill(tmp_path: Path) -> None:
    def run(text: str, mode: str) -> subprocess.CompletedProcess[str]:
        command = [*program(CRASHING + text), str(tmp_path), mode]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    died = run('    octo.run_sync({"goal": "Survive the end of a process", "plan": {"subtasks": steps}})\n', "die")
    assert died.returncode == -signal.SIGKILL, died.stderr
    went_on = run("    print(octo.wait_sync(octo.tasks_sync().tasks[0].task_id).result); octo.close_sync()\n", "live")
    assert went_on.stdout == "first and second\n", went_on.stderr
    assert (tmp_path / "first").read_text() == "x", "a completed step never runs again"
    assert (tmp_path / "second").read_text() == "xx"


WAITING = {
    "goal": "Search something, once somebody said that it may be",
    "plan": {
        "subtasks": [
            {"step": 1, "action": "x", "required_arm": "retriever", "input": {"query": "octopus"}},
            {
                "step": 2,
                "action": "y",
                "required_arm": "retriever",
                "input": {"query": "squid"},
                "depends_on": [1],
                "approval": True,
            },
        ]
    },
}


def command_line(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "octollm", "--home", str(home), *arguments]


def test_rust_goes_on_with_what_python_began(tmp_path: Path) -> None:
    text = f"""
    import os, octollm
    octo = octollm.OctoLLM(home={str(tmp_path)!r})
    for event in octo.stream_sync({WAITING!r}):
        if event.type == "approval.requested":
            print(event.task_id, flush=True)
            os.kill(os.getpid(), 9)
    """
    died = run_program(text)
    assert died.returncode == -signal.SIGKILL, died.stderr
    task_id = died.stdout.strip()
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60}
    approved = subprocess.run(command_line(tmp_path, "tasks", "approve", task_id), **options)
    assert approved.returncode == 0, approved
    result = json.loads(subprocess.run(command_line(tmp_path, "tasks", "show", task_id, "--json"), **options).stdout)
    assert result["status"] == "completed" and [step["attempts"] for step in result["steps"]] == [1, 1]


def test_python_goes_on_with_what_rust_began(tmp_path: Path) -> None:
    serving = subprocess.Popen(command_line(tmp_path, "serve", "--port", "0"), stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    with octollm.connect(serving.stdout.readline().split()[-1]) as server:
        task_id = ""
        for event in server.stream_sync(WAITING):
            task_id = event.task_id
            if event.type == "approval.requested":
                serving.kill()
                serving.wait()
                break
    with octollm.OctoLLM(home=tmp_path) as octo:
        octo.approve_sync(task_id)
        result = octo.wait_sync(task_id)
        assert result.ok and [step.attempts for step in result.steps] == [1, 1]


def test_the_whole_command_line_is_there(tmp_path: Path) -> None:
    def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "octollm", *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)

    assert "serve" in run("--help").stdout
    assert run("reflex", "--redact", "placeholder", "-", text="Mail ada@example.org\n").stdout == "Mail <EMAIL_1>\n"
    refused = run("tasks", "show", "task-01890000-0000-7000-8000-000000000000", "--home", str(tmp_path))
    assert refused.returncode == 1 and "no such task" in refused.stderr.lower()
