"""A web application with an orchestrator inside: it is opened with the application, and its tasks outlive a request.

uvicorn --app-dir examples fastapi_app:app --port 8080
curl -X POST localhost:8080/greetings -H 'content-type: application/json' -d '{"who": "Ada"}'
curl -N localhost:8080/tasks/TASK_ID/events
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import octollm
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel


@octollm.arm(capabilities=["greeting"])
async def greet(who: str) -> str:
    "Greets somebody."
    return f"Hello, {who}!"


class Greeting(BaseModel):
    who: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with octollm.OctoLLM([greet]) as octo:  # OCTOLLM_HOME says where; what was unfinished goes on
        app.state.octo = octo
        yield


app = FastAPI(lifespan=lifespan)


def orchestrator(request: Request) -> octollm.OctoLLM:
    octo: octollm.OctoLLM = request.app.state.octo
    return octo


@app.exception_handler(octollm.OctoLLMError)
async def failed(_: Request, error: octollm.OctoLLMError) -> JSONResponse:
    status = {"not_found": 404, "invalid_input": 422, "conflict": 409, "rate_limited": 429}.get(error.code, 500)
    return JSONResponse({"code": error.code, "detail": error.summary, "hint": error.hint}, status)


@app.post("/greetings")
async def greetings(greeting: Greeting, request: Request) -> dict[str, Any]:
    """Waits for the answer. A client that hangs up cancels nothing here: the task is durable."""
    result = await orchestrator(request).run("Send somebody a greeting", context={"who": greeting.who})
    if result.error is not None:
        raise HTTPException(502, result.error.message)
    return {"task_id": result.task_id, "greeting": result.result}


@app.get("/tasks/{task_id}/events")
async def events(task_id: str, request: Request, after: int = 0) -> StreamingResponse:
    """The task's events, as server-sent events."""
    octo = orchestrator(request)
    await octo.task(task_id)  # an unknown one is a 404, and not an empty stream

    async def sent() -> AsyncIterator[str]:
        async for event in octo.events(task_id, after):
            yield f"id: {event.seq}\nevent: {event.type}\ndata: {json.dumps(event.data)}\n\n"

    return StreamingResponse(sent(), media_type="text/event-stream")
