"""For tests of arms: an orchestrator in a folder of its own, and an arm's steps without a plan of yours.

In ``conftest.py``: ``pytest_plugins = ["octollm.testing"]``. Then tests have the fixtures ``octo_home`` and
``run_arm``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._arms import AnyArm
from ._client import OctoLLM
from ._types import StepResult

__all__ = ["run_arm_once"]


def run_arm_once(arm: AnyArm, home: str | Path, **inputs: Any) -> StepResult:
    """Has an arm do one step with these inputs, as it would within a task: checked against its schemas."""
    step = {"step": 1, "action": "test", "required_arm": arm.descriptor["arm_id"], "input": inputs, "max_retries": 0}
    with OctoLLM([arm], home=home, llm_discovery="off") as octo:
        return octo.run_sync({"goal": "Test one step of an arm", "plan": {"subtasks": [step]}}).steps[0]


try:
    import pytest
except ImportError:  # pytest is not needed to use the functions above
    pass
else:

    @pytest.fixture
    def octo_home() -> Iterator[Path]:
        """A folder for one test's store."""
        with tempfile.TemporaryDirectory(prefix="octollm-test-") as folder:
            yield Path(folder)

    @pytest.fixture
    def run_arm(octo_home: Path) -> Callable[..., StepResult]:
        """``run_arm(arm, location="Paris")``: one step of an arm."""
        return lambda arm, **inputs: run_arm_once(arm, octo_home, **inputs)
