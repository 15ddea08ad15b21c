"""A weather arm as a function and as a class, within a program; with `serve` as a service of its own.

python examples/weather_arm.py          # runs two tasks in this process
python examples/weather_arm.py serve    # an arm for any OctoLLM: octollm serve --arm http://127.0.0.1:8110
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import tempfile
from dataclasses import dataclass
from typing import Literal

import octollm


@dataclass
class Forecast:
    location: str
    highs: list[float]
    confidence: float


@octollm.arm(capabilities=["weather_forecast"], cost_tier=1)
async def weather(location: str, days: int = 5, *, ctx: octollm.ArmContext) -> Forecast:
    "Weather forecast for a place."
    ctx.progress("looking at the sky", 0.5)
    await asyncio.sleep(0.01)  # a request to a weather service would stand here
    place = hashlib.sha256(location.encode()).digest()
    return Forecast(location, [10 + byte % 15 for byte in place[:days]], confidence=0.8)


class Thermometer(octollm.Arm):
    "Turns temperatures into another unit."

    capabilities = ["temperature_conversion"]

    def __init__(self) -> None:
        self.calls = 0

    def execute(self, celsius: float, unit: Literal["fahrenheit", "kelvin"]) -> float:
        self.calls += 1
        return celsius * 9 / 5 + 32 if unit == "fahrenheit" else celsius + 273.15

    def close(self) -> None:
        print(f"the thermometer was read {self.calls} times")


async def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        async with octollm.OctoLLM(arms=[weather, Thermometer()], home=home) as octo:
            result = await octo.run("Get the weather forecast for Paris", context={"location": "Paris", "days": 3})
            print(result.status, result.result, result.confidence)

            # A plan of one's own: the second step takes the first day's temperature out of the first one's output.
            plan = {
                "subtasks": [
                    {"step": 1, "action": "forecast", "required_arm": "weather", "input": {"location": "Oslo"}},
                    {
                        "step": 2,
                        "action": "convert",
                        "required_arm": "thermometer",
                        "input": {"celsius": {"$step": 1, "pointer": "/highs/0"}, "unit": "fahrenheit"},
                    },
                ]
            }
            async for event in octo.stream("How warm is it in Oslo, in Fahrenheit?", plan=plan):
                print(event.seq or "live", event.type, event.data.get("message", ""))


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        octollm.serve(weather, port=8110)
    else:
        asyncio.run(main())
