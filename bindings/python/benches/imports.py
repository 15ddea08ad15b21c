"""What importing costs: time and memory, each module in an interpreter of its own, beside the frameworks that are installed."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

# Nothing is told to anybody while it is measured.
os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}
MODULES = ("octollm", "asyncio", "langgraph.graph", "pydantic_graph", "neograph_engine", "crewai")
PROGRAM = """
import resource, sys, time
start = time.perf_counter()
try:
    import {module}
except ImportError:
    sys.exit(3)
took = (time.perf_counter() - start) * 1000
pages = int(open("/proc/self/statm").read().split()[1])
print(took, pages * resource.getpagesize() / 2**20)
"""


def main() -> None:
    print(f"{'import':24}{'ms':>10}{'RSS MiB':>10}")
    for module in MODULES:
        program = [sys.executable, "-c", PROGRAM.format(module=module)]
        said = [subprocess.run(program, capture_output=True, text=True) for _ in range(8)]
        if said[0].returncode:
            print(f"{module:24}not installed")
            continue
        # The first one reads the files from disk.
        figures = [tuple(map(float, one.stdout.split())) for one in said[1:]]
        took, rss = (statistics.median(figure) for figure in zip(*figures))
        print(f"{module:24}{took:10.1f}{rss:10.1f}")


if __name__ == "__main__":
    main()
