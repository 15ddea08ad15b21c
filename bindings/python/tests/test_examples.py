"""The examples: each runs, and does what it says."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(example: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / example), *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_weather_arm() -> None:
    said = run("weather_arm.py")
    assert "completed" in said and "task.completed" in said and "the thermometer was read 1 times" in said


def test_the_research_pipeline(tmp_path: Path) -> None:
    (tmp_path / "hearts.md").write_text("# Octopus\n\nAn octopus has three hearts and blue blood.\n")
    (tmp_path / "trains.md").write_text("# Trains\n\nThe train to Oslo leaves at noon from platform nine.\n")
    said = run("research_pipeline.py", str(tmp_path), "How many hearts has an octopus?", "When does the train leave?")
    first, second = said.split("## When does the train leave?")
    assert "three hearts" in first and "hearts.md" in first
    assert "leaves at noon" in second and "trains.md" in second


def test_langchain_both_ways() -> None:
    said = run("langchain_tools.py")
    assert "the arm says 42" in said and "the tool says 12" in said


def test_the_fastapi_application(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OCTOLLM_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    app = importlib.import_module("fastapi_app").app
    with TestClient(app) as client:
        greeted = client.post("/greetings", json={"who": "Ada"})
        assert greeted.status_code == 200 and greeted.json()["greeting"] == "Hello, Ada!"
        events = client.get(f"/tasks/{greeted.json()['task_id']}/events").text
        assert events.startswith("id: 1\nevent: task.accepted\n") and "event: task.completed\n" in events
        last = events.strip().splitlines()[-1].removeprefix("data: ")
        assert json.loads(last)["result"] == "Hello, Ada!"
        missing = client.get("/tasks/task-01890000-0000-7000-8000-000000000000/events")
        assert missing.status_code == 404 and missing.json()["code"] == "not_found"
    with TestClient(app) as client:
        task = greeted.json()["task_id"]
        assert "task.completed" in client.get(f"/tasks/{task}/events").text, "tasks outlive the application"


def test_an_arm_is_tested_with_the_fixtures() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "octollm.testing", "-c", "/dev/null", str(EXAMPLES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout + done.stderr
