"""LangChain and OctoLLM together: a LangChain tool as an arm, and OctoLLM as a LangChain tool.

pip install langchain-core; python examples/langchain_tools.py
"""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

import octollm
from langchain_core.tools import BaseTool, StructuredTool, tool


def arm_of(wrapped: BaseTool, *capabilities: str) -> octollm.FunctionArm[Any]:
    """A LangChain tool as an arm, with the tool's own name, description and schema."""

    async def call(**inputs: Any) -> Any:
        # LangChain runs a synchronous tool on a thread of its own.
        return await wrapped.ainvoke(inputs)

    schema = wrapped.get_input_jsonschema()
    return octollm.arm(
        arm_id=wrapped.name,
        name=wrapped.name,
        description=wrapped.description,
        capabilities=list(capabilities) or [wrapped.name],
        input_schema={**schema, "additionalProperties": False},
    )(call)


def tool_of(octo: octollm.OctoLLM, name: str, description: str) -> StructuredTool:
    """An orchestrator as a LangChain tool: an agent hands it a goal, and gets the result."""

    async def run(goal: str, context: dict[str, Any] | None = None) -> Any:
        result = await octo.run(goal, context=context or {})
        return result.raise_for_status().result

    def run_sync(goal: str, context: dict[str, Any] | None = None) -> Any:
        return octo.run_sync(goal, context=context or {}).raise_for_status().result

    return StructuredTool.from_function(func=run_sync, coroutine=run, name=name, description=description)


@tool
def multiply(first: int, second: int) -> int:
    """Multiplies two whole numbers."""
    return first * second


async def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        async with octollm.OctoLLM([arm_of(multiply, "multiplication")], home=home) as octo:
            result = await octo.run("Do a multiplication of two numbers", context={"first": 6, "second": 7})
            print("the arm says", result.raise_for_status().result)
            ask = tool_of(octo, "octollm", "Gets work done that takes several steps; give it a goal.")
            goal = {"goal": "Do a multiplication of two numbers", "context": {"first": 3, "second": 4}}
            print("the tool says", await ask.ainvoke(goal))


if __name__ == "__main__":
    asyncio.run(main())
