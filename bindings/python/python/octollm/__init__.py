"""OctoLLM: the nervous system of an LLM application.

A task is accepted, planned as a DAG of steps, each step is done by an *arm*, and the results are integrated. Everything
that happens to a task is an event in its journal, so a task survives a crash and can be watched while it runs.

>>> import octollm
>>> @octollm.arm(capabilities=["greeting"])
... def greet(who: str) -> str:
...     "Greets somebody."
...     return f"Hello, {who}!"
>>> octollm.reflex.redact("Mail ada@example.org")
'Mail <EMAIL_1>'
"""

from . import reflex
from ._arms import Arm, ArmContext, FunctionArm, arm
from ._client import OctoLLM, connect
from ._errors import (
    ArmError,
    BudgetExceeded,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    NotConfigured,
    NotFound,
    OctoLLMError,
    RateLimited,
    RefusedByReflex,
    StorageError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from ._memory import Memory
from ._parts import Embedder, Integrator, IntentParser, Model, ModelRequest, Planner, Thought
from ._serve import serve, serve_async
from ._stores import (
    Cache,
    Chunk,
    CollectionSpec,
    Document,
    DocumentStore,
    KeywordQuery,
    KnowledgeGraph,
    VectorQuery,
    VectorRecord,
    VectorStore,
)
from ._types import (
    Budget,
    Entity,
    Event,
    Hit,
    ModelReply,
    Relationship,
    StepResult,
    TaskError,
    TaskOptions,
    TaskPage,
    TaskResponse,
    TaskResult,
    TaskSummary,
    Usage,
)

__all__ = [
    "Arm",
    "ArmContext",
    "ArmError",
    "Budget",
    "BudgetExceeded",
    "Cache",
    "Cancelled",
    "Chunk",
    "CollectionSpec",
    "Conflict",
    "DeadlineExceeded",
    "Document",
    "DocumentStore",
    "Embedder",
    "Entity",
    "Event",
    "FunctionArm",
    "Hit",
    "Integrator",
    "IntentParser",
    "InvalidInput",
    "KeywordQuery",
    "KnowledgeGraph",
    "Memory",
    "Model",
    "ModelReply",
    "ModelRequest",
    "NotConfigured",
    "NotFound",
    "OctoLLM",
    "OctoLLMError",
    "Planner",
    "RateLimited",
    "RefusedByReflex",
    "Relationship",
    "StepResult",
    "StorageError",
    "TaskError",
    "TaskOptions",
    "TaskPage",
    "TaskResponse",
    "TaskResult",
    "TaskSummary",
    "Thought",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "Usage",
    "VectorQuery",
    "VectorRecord",
    "VectorStore",
    "arm",
    "connect",
    "reflex",
    "serve",
    "serve_async",
]
