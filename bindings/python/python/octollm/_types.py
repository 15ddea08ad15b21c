"""What OctoLLM answers, as Python objects. Each keeps the JSON it was read from in ``raw``."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, Union

from ._errors import _BY_CODE, OctoLLMError

TaskStatus = Literal[
    "pending", "accepted", "planning", "executing", "awaiting_approval", "completed", "failed", "cancelled"
]
StepStatus = Literal["pending", "running", "awaiting_approval", "completed", "failed", "skipped"]


class Budget(TypedDict, total=False):
    """What a task may spend; enforced, never advisory."""

    max_tokens: int
    max_cost_usd: float
    max_steps: int
    max_retries: int


class TaskOptions(TypedDict, total=False):
    """Everything a task can say besides its goal."""

    constraints: list[str]
    context: dict[str, Any]
    acceptance_criteria: list[str]
    priority: Literal["low", "medium", "high", "critical"]
    deadline_seconds: int
    required_capabilities: list[str]
    parent_task_id: str
    budget: Budget
    plan: dict[str, Any]
    playbook: str
    output_schema: dict[str, Any]
    approval: Literal["never", "plan", "side_effects"]
    metadata: dict[str, str]
    #: A repeat with the same key answers the same task.
    idempotency_key: str
    #: The work is done again, also where an equal task was answered before (``answer_cache``).
    fresh: bool


class SearchOptions(TypedDict, total=False):
    """How the index is searched."""

    method: Literal["hybrid", "vector", "keyword"]
    #: Results at most, 1 to 100.
    limit: int
    #: Conditions on labels: a value, an array of values, or a prefix with ``*``.
    filters: dict[str, Any]
    min_score: float
    include_citations: bool


class Record(TypedDict, total=False):
    """Something that is kept to be found by what it says."""

    #: Unique in its collection; must be there.
    id: str
    #: What it says; kept beside the vector.
    text: str
    #: Its vector; the text's, by the embedder, where it is absent.
    vector: list[float]
    #: Labels; filters look here.
    payload: dict[str, Any]


#: A question, or a conversation: ``{"role": "system" | "user" | "assistant", "text": ...}`` in order.
Prompt = Union[str, Sequence[Mapping[str, str]]]


class ModelOptions(TypedDict, total=False):
    """How a model is asked."""

    #: What the model is told to be, before everything else.
    system: str
    #: Which model is asked: ``general`` by default.
    purpose: Literal["intent", "planning", "coding", "judging", "general"]
    #: JSON Schema that the provider should hold the answer to.
    schema: dict[str, Any]
    max_output_tokens: int
    temperature: float
    stop: list[str]


def model_request(prompt: Prompt, options: Mapping[str, Any]) -> str:
    """The request to a model, as JSON."""
    turns = [{"role": "user", "text": prompt}] if isinstance(prompt, str) else list(prompt)
    asked = dict(options)
    system, schema = asked.pop("system", None), asked.pop("schema", None)
    if system is not None:
        turns.insert(0, {"role": "system", "text": system})
    asked["messages"] = [{"role": turn["role"], "parts": [{"text": turn["text"]}]} for turn in turns]
    if schema is not None:
        asked["output"] = {"schema": {"name": "answer", "schema": schema}}
    return json.dumps(asked)


def _time(text: str | None) -> datetime.datetime | None:
    # Nanoseconds, as Rust writes them, are more than Python reads.
    if text is None:
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")


@dataclass(frozen=True)
class TaskError:
    """Why a task or a step failed."""

    code: str
    message: str
    hint: str | None = None
    #: The step that failed, where one did.
    step: int | None = None
    #: Where in the arm's own code it failed: the traceback of an arm in Python.
    trace: str | None = None


@dataclass(frozen=True)
class Usage:
    """What a task used."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    model_calls: int = 0
    cache_hits: int = 0
    arm_calls: int = 0
    #: Microseconds that reflexes took.
    reflex_us: int = 0


@dataclass(frozen=True)
class ModelReply:
    """What a model answered."""

    text: str
    #: ``{"id", "name", "arguments"}`` of each tool that it asks for.
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    #: Why it ended: ``stop``, ``length``, ``tool_calls``, ``content_filter``.
    finish: str | None = None
    #: Which model answered, as its provider names it.
    model: str = ""
    usage: Usage = field(default_factory=Usage)

    def json(self) -> Any:
        """The text, read as JSON."""
        return json.loads(self.text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Entity:
    """A thing that is known."""

    id: str
    entity_type: str
    name: str
    properties: dict[str, Any] = field(default_factory=dict)
    #: When it was first known.
    created_at: datetime.datetime | None = field(default=None, compare=False)
    #: When it last changed.
    updated_at: datetime.datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Relationship:
    """How two things relate."""

    id: str
    from_entity_id: str
    to_entity_id: str
    relationship_type: str
    #: 0 to 1.
    strength: float
    properties: dict[str, Any] = field(default_factory=dict)
    #: When it was first known.
    created_at: datetime.datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Hit:
    """A record that is near what was looked for."""

    id: str
    #: Cosine similarity, -1 to 1.
    score: float
    text: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepResult:
    """Where a step stands."""

    step: int
    status: StepStatus
    arm_id: str | None = None
    attempts: int = 0
    output: Any = None
    error: TaskError | None = None
    confidence: float | None = None
    duration_ms: int | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def started_at(self) -> datetime.datetime | None:
        """When it was handed to its arm for the first time."""
        return _time(self.raw.get("started_at"))

    @property
    def completed_at(self) -> datetime.datetime | None:
        """When it ended."""
        return _time(self.raw.get("completed_at"))


@dataclass(frozen=True)
class TaskResponse:
    """A task that was accepted: it is durable and will be done."""

    task_id: str
    status: TaskStatus
    message: str
    estimated_duration_seconds: float | None = None


@dataclass(frozen=True)
class TaskResult:
    """Where a task stands, with everything that is known about it."""

    task_id: str
    status: TaskStatus
    result: Any = None
    error: TaskError | None = None
    #: 0 to 1; none where nobody stated one.
    confidence: float | None = None
    duration_ms: int | None = None
    steps: list[StepResult] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    #: The ExecutionPlan, once there is one.
    plan: dict[str, Any] | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    created_at: datetime.datetime | None = None
    completed_at: datetime.datetime | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether the task completed."""
        return self.status == "completed"

    def raise_for_status(self) -> TaskResult:
        """Raises what a failed or cancelled task failed with; answers the result itself otherwise."""
        if self.error is not None:
            kind = _BY_CODE.get(self.error.code, OctoLLMError)
            error = kind(self.error.message, hint=self.error.hint)
            trace = self.error.trace or next((step.error.trace for step in self.steps if step.error), None)
            if trace is not None and hasattr(error, "add_note"):  # from Python 3.11 on
                error.add_note(f"In the arm:\n{trace}")
            raise error
        return self

    def _repr_html_(self) -> str:
        import html

        rows = "".join(_row(step, self.plan) for step in self.steps)
        took = "" if self.duration_ms is None else f" in {self.duration_ms} ms"
        sure = "" if self.confidence is None else f", confidence {self.confidence:.2f}"
        said = self.error.message if self.error else _short(self.result, 2000)
        return (
            f"<div><b>{html.escape(self.task_id)}</b>: {self.status}{took}{sure}"
            "<table><thead><tr><th>step</th><th>action</th><th>arm</th><th>after</th><th>status</th>"
            f"<th>attempts</th><th>ms</th><th>output</th></tr></thead><tbody>{rows}</tbody></table>"
            f"<pre>{html.escape(said)}</pre></div>"
        )


def _row(step: StepResult, plan: dict[str, Any] | None) -> str:
    import html

    planned: dict[str, Any] = next((sub for sub in (plan or {}).get("subtasks", []) if sub["step"] == step.step), {})
    after = ", ".join(str(number) for number in planned.get("depends_on", []))
    said = step.error.message if step.error else _short(step.output, 160)
    cells = (
        step.step,
        planned.get("action", ""),
        step.arm_id or planned.get("required_arm", ""),
        after,
        step.status,
        step.attempts,
        "" if step.duration_ms is None else step.duration_ms,
        said,
    )
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _short(value: Any, most: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 1] + "…"


@dataclass(frozen=True)
class TaskSummary:
    """One task of a list."""

    task_id: str
    status: TaskStatus
    goal: str
    priority: str = "medium"
    error: TaskError | None = None
    confidence: float | None = None
    duration_ms: int | None = None
    created_at: datetime.datetime | None = None
    completed_at: datetime.datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskPage:
    """A page of tasks, newest first; ``next`` goes to ``cursor`` for the page after it."""

    tasks: list[TaskSummary]
    next: str | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened to a task. ``data`` holds what belongs to its type."""

    type: str
    task_id: str
    #: Counts from 1 without gaps; 0 for events that are not kept.
    seq: int
    at: datetime.datetime | None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ends_task(self) -> bool:
        """Whether nothing comes after it."""
        return self.type in ("task.completed", "task.failed", "task.cancelled")


def _error(document: dict[str, Any] | None) -> TaskError | None:
    if document is None:
        return None
    return TaskError(**{name: document.get(name) for name in ("code", "message", "hint", "step", "trace")})  # type: ignore[arg-type]


def _known(kind: Any, document: dict[str, Any]) -> dict[str, Any]:
    """What of the document the type has a field for: a newer server may say more."""
    return {name: document[name] for name in kind.__dataclass_fields__ if name in document}


def _step(document: dict[str, Any]) -> StepResult:
    # Past the constructor, which sets each field of a frozen dataclass by a call: a result may have many steps.
    step, get = object.__new__(StepResult), document.get
    step.__dict__.update(
        step=document["step"],
        status=document["status"],
        arm_id=get("arm_id"),
        attempts=get("attempts", 0),
        output=get("output"),
        error=_error(get("error")),
        confidence=get("confidence"),
        duration_ms=get("duration_ms"),
        raw=document,
    )
    return step


def task_result(document: dict[str, Any]) -> TaskResult:
    """Reads a TaskResult."""
    steps = [_step(step) for step in document.get("steps", [])]
    return TaskResult(
        **{
            **_known(TaskResult, document),
            "error": _error(document.get("error")),
            "steps": steps,
            "usage": Usage(**_known(Usage, document.get("usage", {}))),
            "created_at": _time(document.get("created_at")),
            "completed_at": _time(document.get("completed_at")),
            "raw": document,
        }
    )


def task_response(document: dict[str, Any]) -> TaskResponse:
    """Reads a TaskResponse."""
    return TaskResponse(**_known(TaskResponse, document))


def task_page(document: dict[str, Any]) -> TaskPage:
    """Reads a page of tasks."""
    return TaskPage([_summary(task) for task in document["tasks"]], document.get("next"))


def _summary(document: dict[str, Any]) -> TaskSummary:
    return TaskSummary(
        **{
            **_known(TaskSummary, document),
            "error": _error(document.get("error")),
            "created_at": _time(document.get("created_at")),
            "completed_at": _time(document.get("completed_at")),
        }
    )


def event(document: dict[str, Any]) -> Event:
    """Reads an event."""
    data = {name: value for name, value in document.items() if name not in ("type", "task_id", "seq", "at")}
    return Event(document["type"], document["task_id"], document.get("seq", 0), _time(document.get("at")), data)


def model_reply(document: dict[str, Any]) -> ModelReply:
    """Reads a model's reply."""
    known = _known(ModelReply, document)
    finish = document.get("finish")
    known["finish"] = finish if isinstance(finish, str) else next(iter((finish or {}).values()), None)
    return ModelReply(**{**known, "usage": Usage(**_known(Usage, document.get("usage", {})))})


def _times(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: _time(document.get(name)) for name in names}


def entity(document: dict[str, Any]) -> Entity:
    """Reads an entity."""
    return Entity(**{**_known(Entity, document), **_times(document, "created_at", "updated_at")})


def entities(documents: list[dict[str, Any]]) -> list[Entity]:
    """Reads entities."""
    return [entity(document) for document in documents]


def relationship(document: dict[str, Any]) -> Relationship:
    """Reads a relationship."""
    return Relationship(**{**_known(Relationship, document), **_times(document, "created_at")})


def neighbours(documents: list[dict[str, Any]]) -> list[tuple[Relationship, Entity]]:
    """Reads relationships with the entity at the other end of each."""
    return [(relationship(document["relationship"]), entity(document["entity"])) for document in documents]


def paths(documents: list[dict[str, Any]]) -> list[list[Relationship]]:
    """Reads paths."""
    return [[relationship(hop) for hop in document["relationships"]] for document in documents]


def hits(documents: list[dict[str, Any]]) -> list[Hit]:
    """Reads hits."""
    return [Hit(**_known(Hit, document)) for document in documents]
