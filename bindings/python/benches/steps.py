"""What a step costs with an arm in Python that does nothing: alone, and 64 at once, beside other frameworks.

python benches/steps.py [--rounds N]

"alone" is a chain of 50 steps, each waiting for the one before; "at 64" is one task of 64 steps that wait for nothing. OctoLLM
writes every step to disk before the next one begins (SQLite, fsync); the others keep everything in memory, which is said
beside their figures. Peers that are not installed are left out and named.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

import octollm
import peers

CHAIN, WIDE = 50, 64
GOAL = "Have arms do nothing, many times"


@octollm.arm(side_effects="none", max_concurrent=1000)
def nothing() -> None:
    return None


@octollm.arm(side_effects="none", max_concurrent=1000)
async def nothing_async() -> None:
    return None


def chain(arm: str) -> dict[str, Any]:
    steps = [
        {"step": n, "action": "nothing", "required_arm": arm, "input": {}, "depends_on": [n - 1] if n > 1 else []}
        for n in range(1, CHAIN + 1)
    ]
    return {"goal": GOAL, "plan": {"subtasks": steps}}


def wide(arm: str) -> dict[str, Any]:
    steps = [{"step": n, "action": "nothing", "required_arm": arm, "input": {}} for n in range(1, WIDE + 1)]
    return {"goal": GOAL, "plan": {"subtasks": steps}}


async def timed(run: Callable[[], Awaitable[Any]], rounds: int, steps: int) -> tuple[float, float]:
    """Microseconds for a step: the median of the rounds, and the best."""
    await run()
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        await run()
        took.append((time.perf_counter() - start) / steps * 1e6)
    return statistics.median(took), min(took)


async def octollm_figures(rounds: int) -> dict[str, tuple[float, float]]:
    figures = {}
    with tempfile.TemporaryDirectory() as home:
        async with octollm.OctoLLM([nothing, nothing_async], home=home, llm_discovery="off") as octo:
            for kind, arm in (("sync", "nothing"), ("async", "nothing_async")):
                for name, task, steps in (("alone", chain(arm), CHAIN), ("at 64", wide(arm), WIDE)):

                    async def run(task: dict[str, Any] = task) -> None:
                        (await octo.run(task)).raise_for_status()

                    figures[f"octollm (durable), {kind}, {name}"] = await timed(run, rounds, steps)
    return figures


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    figures = await octollm_figures(rounds)
    for name, made in peers.there_are(CHAIN, WIDE).items():
        if isinstance(made, str):
            print(f"{name}: {made}")
            continue
        for what, (run, steps) in made.items():
            figures[f"{name} (in memory), {what}"] = await timed(run, rounds, steps)
    print(f"{'us per step':44}{'median':>10}{'best':>10}")
    for name, (median, best) in figures.items():
        print(f"{name:44}{median:10.1f}{best:10.1f}")


if __name__ == "__main__":
    asyncio.run(main())
