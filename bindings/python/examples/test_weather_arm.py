"""How an arm is tested: `pytest -p octollm.testing examples`, or `pytest_plugins = ["octollm.testing"]` in conftest.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import octollm
from octollm import StepResult
from weather_arm import Thermometer, weather

RunArm = Callable[..., StepResult]


def test_a_forecast_has_a_high_for_every_day(run_arm: RunArm) -> None:
    step = run_arm(weather, location="Paris", days=3)
    assert step.status == "completed", step.error
    assert step.output["location"] == "Paris" and len(step.output["highs"]) == 3
    assert step.confidence == 0.8


def test_what_is_no_number_of_days_is_refused(run_arm: RunArm) -> None:
    step = run_arm(weather, location="Paris", days="many")
    assert step.status == "failed" and step.error is not None and step.error.code == "invalid_input"


def test_a_thermometer_counts_and_converts(run_arm: RunArm) -> None:
    thermometer = Thermometer()
    assert run_arm(thermometer, celsius=100, unit="fahrenheit").output == 212
    assert thermometer.calls == 1


def test_a_goal_in_words_finds_the_arm(octo_home: Path) -> None:
    with octollm.OctoLLM([weather], home=octo_home) as octo:
        assert octo.run_sync("Get the weather forecast for Oslo", context={"location": "Oslo"}).ok
