"""Research over a folder: several questions at once, each answered out of the documents, and one report with sources.

python examples/research_pipeline.py [FOLDER] [QUESTION...]

Searching needs no model and no network: the retriever's steps run side by side, and an arm of this program writes what
they found into a report.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import octollm

FOLDER = Path(__file__).parent
QUESTIONS = ["How is a LangChain tool wrapped as an arm?", "How does the weather arm make up its temperatures?"]


@octollm.arm(capabilities=["report_writing"], side_effects="none")
def report(questions: list[str], findings: list[dict[str, Any]], ctx: octollm.ArmContext) -> str:
    "Writes what searches found into a report with sources."
    parts = []
    for number, (question, found) in enumerate(zip(questions, findings), 1):
        ctx.progress(f"question {number} of {len(questions)}", number / len(questions))
        best = found["results"][:2]
        said = [f"> {_short(result['content'])}\n>\n> {result['source']}" for result in best]
        parts.append(f"## {question}\n\n" + ("\n\n".join(said) or "Nothing was found."))
    return "\n\n".join(parts)


def _short(text: str) -> str:
    return " ".join(text.split())[:240]


def plan(questions: list[str]) -> dict[str, Any]:
    """A search for each question, and then the report over all of them."""
    searches = [
        {"step": step, "action": question, "required_arm": "retriever", "input": {"query": question, "limit": 3}}
        for step, question in enumerate(questions, 1)
    ]
    found = [{"$step": search["step"], "pointer": ""} for search in searches]
    last = len(questions) + 1
    writing = {"step": last, "action": "write the report", "required_arm": "report"}
    return {"subtasks": [*searches, {**writing, "input": {"questions": questions, "findings": found}}]}


async def research(folder: Path, questions: list[str], home: str) -> octollm.TaskResult:
    """Takes the folder into the index, and has the questions answered."""
    async with octollm.OctoLLM([report], home=home) as octo:
        taken = await octo.index(folder)
        print(f"{taken['added']} documents", file=sys.stderr)
        task_id = ""
        async for event in octo.stream("Research these questions in the documents", plan=plan(questions)):
            task_id = event.task_id
            if event.type in ("step.completed", "step.progress"):
                print(f"step {event.data['step']}: {event.data.get('message', 'done')}", file=sys.stderr)
        return await octo.task(task_id)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with tempfile.TemporaryDirectory() as home:
        result = asyncio.run(research(folder, sys.argv[2:] or QUESTIONS, home))
    print(result.raise_for_status().result)


if __name__ == "__main__":
    main()
