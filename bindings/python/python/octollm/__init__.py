"""OctoLLM: the nervous system of an LLM application.

A task is accepted, planned as a DAG of steps, each step is done by an *arm*, and the results are integrated. Everything
that happens to a task is an event in its journal, so a task survives a crash and can be watched while it runs.

>>> import octollm
>>> @octollm.arm(capabilities=["greeting"])
... def greet(who: str) -> str:
...     "Greets somebody."
...     return f"Hello, {who}!"
>>> with octollm.OctoLLM([greet]) as octo:
...     result = octo.run_sync("Have a greeting said", context={"who": "Ada"})
>>> result.result
'Hello, Ada!'

Where to look (``help(octollm.OctoLLM)``, and so on for every name):

- Arms: ``arm`` makes one of a function with type hints, ``Arm`` of a class; ``ArmContext`` is what it knows of its call:
  progress, memory, the model, other arms. ``serve`` and ``serve_async`` offer it over HTTP. ``octollm.testing`` has
  fixtures for pytest.
- Tasks: ``OctoLLM`` does them in this process, ``connect(url)`` on a server. ``run``, ``submit``, ``stream``, ``batch``,
  ``cancel``, ``approve``, ``tasks`` and the rest have two forms: ``await octo.run(...)`` and ``octo.run_sync(...)``.
  Options are ``TaskOptions``; what comes back are ``TaskResult``, ``StepResult``, ``Event``, ``TaskPage``.
- Memory: ``octo.memory`` is a ``Memory``: knowledge graph, cache, vectors. ``octo.index`` and ``octo.search`` are for documents.
- Reflexes: ``reflex.scan``, ``reflex.redact``, ``reflex.Vault``, ``reflex.Chain`` find personal data, secrets and injections.
- Parts of your own, by the methods that a protocol has: ``Model``, ``Embedder``, ``Planner``, ``IntentParser``, ``Integrator``;
  ``Cache``, ``VectorStore``, ``DocumentStore``, ``KnowledgeGraph``.
- Errors: all are ``OctoLLMError``, with ``code``, ``hint`` and ``details``. ``ArmError`` is for arms to raise.
- The command line: ``python -m octollm --help``, or ``octollm --help``.

Modules whose names begin with an underscore are the package's own, and may change.
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
