"""Whether memory stays flat over many tasks: resident memory after each tenth of them.

python benches/leaks.py [--tasks 100000]

The second half may grow by a twentieth over the first; more is a leak, and the exit code says so.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import tempfile
from typing import Any

import octollm


@octollm.arm(side_effects="none", max_concurrent=1000)
async def reverse(word: str, ctx: octollm.ArmContext) -> str:
    ctx.progress("reversing", 0.5)
    return word[::-1]


@octollm.arm(side_effects="none", max_concurrent=1000)
def shout(word: str) -> str:
    if word == "fail":
        raise ValueError("as it should")
    return word.upper()


def task(number: int) -> dict[str, Any]:
    word = "fail" if number % 10 == 0 else f"word {number}"
    steps = [
        {"step": 1, "action": "reverse", "required_arm": "reverse", "input": {"word": word}},
        {"step": 2, "action": "shout", "required_arm": "shout", "input": {"word": word}, "max_retries": 0},
    ]
    return {"goal": "Have arms do this and that", "plan": {"subtasks": steps}}


def resident() -> float:
    gc.collect()
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * resource.getpagesize() / 2**20


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=100_000)
    part = max(parser.parse_args().tasks // 10, 1)
    figures = []
    with tempfile.TemporaryDirectory() as home:
        async with octollm.OctoLLM([reverse, shout], home=home, llm_discovery="off") as octo:
            for tenth in range(10):
                for begin in range(0, part, 500):
                    count = min(500, part - begin)
                    await octo.batch([task(begin + number) for number in range(count)], concurrency=64)
                # Streams that are left early, too.
                async for _ in octo.stream(task(1)):
                    break
                figures.append(resident())
                print(f"{(tenth + 1) * part:8} tasks: {figures[-1]:.1f} MiB", flush=True)
    if figures[-1] > figures[4] * 1.05 + 1:
        raise SystemExit(f"memory grew from {figures[4]:.1f} to {figures[-1]:.1f} MiB")


if __name__ == "__main__":
    asyncio.run(main())
