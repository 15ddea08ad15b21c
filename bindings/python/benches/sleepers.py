"""Many tasks at once whose arm sleeps: wall time and memory.

python benches/sleepers.py [--tasks 10000] [--seconds 1]
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from typing import Any

import octollm


@octollm.arm(side_effects="none", max_concurrent=20_000)
async def sleeper(seconds: float) -> None:
    await asyncio.sleep(seconds)


def task(seconds: float) -> dict[str, Any]:
    step = {"step": 1, "action": "sleep", "required_arm": "sleeper", "input": {"seconds": seconds}}
    return {"goal": "Have an arm sleep for a while", "plan": {"subtasks": [step]}}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        # Settings and limits that hold up nobody: what is measured is the machinery.
        octo = octollm.OctoLLM(
            [sleeper], home=home, llm_discovery="off", max_concurrent_tasks=min(asked.tasks, 100_000)
        )
        async with octo:
            start = time.perf_counter()
            ends = await octo.batch([task(asked.seconds)] * asked.tasks, concurrency=asked.tasks)
            wall = time.perf_counter() - start
    failed = [end for end in ends if not (isinstance(end, octollm.TaskResult) and end.ok)]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{asked.tasks} tasks of {asked.seconds} s: {wall:.2f} s, {most:.0f} MiB at most, {len(failed)} failed")
    if failed:
        raise SystemExit(f"the first failure: {failed[0]}")


if __name__ == "__main__":
    asyncio.run(main())
