"""The orchestrator: in this process, or on a server."""

from __future__ import annotations

import atexit
import collections
import json
import os
import sys
import threading
import warnings
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, Union

from . import _native, _types
from ._answering import Registration
from ._arms import AnyArm, Arm, FunctionArm
from ._errors import Conflict, OctoLLMError, native
from ._loop import LoopBridge, answer, background, bridge_of, stop_background
from ._memory import Memory
from ._parts import AnyIntegrator, AnyParser, AnyPlanner, Embedder, Model, parts
from ._schema import encode
from ._stores import Cache, DocumentStore, KnowledgeGraph, VectorStore, stores

if TYPE_CHECKING:
    import asyncio

    from typing_extensions import Self, Unpack

T = TypeVar("T")

#: Seconds that running steps have when the interpreter ends; what is left goes on at the next start.
_GRACE_AT_EXIT = 0.5

#: A goal in words, or a whole TaskRequest.
Task = Union[str, Mapping[str, Any]]


def _request(task: Task, options: Mapping[str, Any]) -> tuple[str, str | None, bool]:
    """The TaskRequest as JSON, its idempotency key, and whether no earlier answer will do."""
    if not isinstance(task, (str, Mapping)):
        raise TypeError(f"a task is a goal in words or a whole TaskRequest as a dict, not {type(task).__name__}")
    request = {"goal": task} if isinstance(task, str) else dict(task)
    request.update(options)
    key = request.pop("idempotency_key", None)
    fresh = bool(request.pop("fresh", False))
    return encode(request), key, fresh


def _result(text: str | None) -> _types.TaskResult:
    return _types.task_result(json.loads(text or "null"))


async def _follow(events: _native.Events) -> AsyncGenerator[_types.Event]:
    try:
        while (text := await answer(native(events.next))) is not None:
            for event in json.loads(text):
                yield _types.event(event)
    finally:
        events.close()


def _follow_sync(events: _native.Events) -> Generator[_types.Event]:
    try:
        while (text := native(native(events.next).wait)) is not None:
            for event in json.loads(text):
                yield _types.event(event)
    finally:
        events.close()


class OctoLLM:
    """An orchestrator in this process, durable in one SQLite file.

    ``arms`` are functions decorated with :func:`octollm.arm`, instances of :class:`octollm.Arm`, or addresses of arms
    behind HTTP. ``home`` is the store's folder, the platform's data folder by default. ``settings`` are those of the
    command line, by name (``max_concurrent_tasks=8``, ``openai_api_key="..."``); they win over the environment and
    ``octollm.toml``.

    ``model``, ``embedder``, ``planner``, ``intent_parser`` and ``integrator`` take the place of what the settings
    describe: see :class:`octollm.Model`, :class:`octollm.Embedder`, :class:`octollm.Planner`,
    :class:`octollm.IntentParser` and :class:`octollm.Integrator`. ``cache``, ``vectors``, ``documents`` and ``graph`` keep
    that part of the memory elsewhere than in the file: see :class:`octollm.Cache`, :class:`octollm.VectorStore`,
    :class:`octollm.DocumentStore` and :class:`octollm.KnowledgeGraph`.

    Every call has two forms: ``await octo.run(...)``, and ``octo.run_sync(...)`` for programs without an event loop.
    It opens with ``async with`` or ``with``, or by itself at the first synchronous call.
    """

    def __init__(
        self,
        arms: Iterable[AnyArm | str] = (),
        *,
        home: str | os.PathLike[str] | None = None,
        model: Model | None = None,
        embedder: Embedder | None = None,
        planner: AnyPlanner | None = None,
        intent_parser: AnyParser | None = None,
        integrator: AnyIntegrator | None = None,
        cache: Cache | None = None,
        vectors: VectorStore | None = None,
        documents: DocumentStore | None = None,
        graph: KnowledgeGraph | None = None,
        **settings: str | float | bool | Sequence[str],
    ) -> None:
        self._arms = _arms(arms)
        self._parts = parts(model, embedder, planner, intent_parser, integrator)
        self._parts += stores(cache, vectors, documents, graph)
        if home is not None:
            settings["octollm_home"] = os.fspath(home)
        self._settings = settings
        self._url: str | None = None
        self._init()

    def _init(self) -> None:
        self._core: _native.Orchestrator | None = None
        self._opening = threading.Lock()
        #: Where asynchronous arms run.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._registrations: list[Registration] = []
        #: What tasks, arms and programs share.
        self.memory = Memory(weakref.proxy(self))

    @classmethod
    def _remote(cls, url: str) -> OctoLLM:
        octo = cls()
        octo._url = url
        return octo

    def __repr__(self) -> str:
        where = self._url or self._settings.get("octollm_home") or "the platform's data folder"
        state = "open" if self._core else "closed"
        many = "1 arm" if len(self._arms) == 1 else f"{len(self._arms)} arms"
        return f"<OctoLLM at {where}, {many}, {state}>"

    # Opening and closing

    def _open(self, bridge: LoopBridge | None) -> _native.Orchestrator:
        """Opens it, once; blocks. Asynchronous arms run on the loop of ``bridge``."""
        with self._opening:
            if self._core is None:
                if self._url is not None:
                    self._core = native(_native.Orchestrator.connect, self._url)
                else:
                    self._core = self._start(bridge)
                _opened.add(self)
            return self._core

    def _start(self, bridge: LoopBridge | None) -> _native.Orchestrator:
        urls = [arm for arm in self._arms if isinstance(arm, str)]
        own = [arm for arm in self._arms if not isinstance(arm, str)]
        settings = [(name, json.dumps(value)) for name, value in self._settings.items()]
        # An arm knows its orchestrator, but does not keep it.
        arms = [arm._registration(bridge, weakref.proxy(self)) for arm in own]
        parts = [(part.what, part.registration(bridge)) for part in self._parts]
        self._registrations = [*arms, *(part for _, part in parts)]
        try:
            return native(_native.Orchestrator.start, settings, arms, urls, parts)
        except BaseException:
            self._end_registrations()
            raise

    def _end_registrations(self) -> None:
        for registration in self._registrations:
            registration.end()
        self._registrations = []

    async def __aenter__(self) -> Self:
        import asyncio

        loop = asyncio.get_running_loop()
        bridge = bridge_of(loop)
        self._loop = loop
        await loop.run_in_executor(None, self._open, bridge)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> Self:
        self._opened_sync()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_sync()

    def _opened(self) -> _native.Orchestrator:
        if self._core is None:
            raise Conflict("the orchestrator is not open", hint="use it in `async with OctoLLM(...) as octo:`")
        self._check_loop()
        return self._core

    def _opened_sync(self) -> _native.Orchestrator:
        if self._core is not None:
            self._check_loop()
            return self._core
        bridge = None
        if self._needs_loop():
            self._loop, bridge = background()
        return self._open(bridge)

    def _needs_loop(self) -> bool:
        own = [arm for arm in self._arms if not isinstance(arm, str)]
        return any(part.is_async for part in (*own, *self._parts))

    def _check_loop(self) -> None:
        """Says so where nothing would ever answer: asynchronous arms end with the loop that they run on."""
        if self._loop is not None and self._loop.is_closed() and self._needs_loop():
            raise Conflict(
                "the event loop that this orchestrator's arms run on is closed",
                hint="keep it within one `asyncio.run`, or open it with `with` instead of `async with`",
            )

    def _closing(self) -> _native.Orchestrator | None:
        core, self._core = self._core, None
        _opened.discard(self)
        return core

    async def close(self, *, grace: float = 5.0) -> None:
        """Ends it: running steps may end within ``grace`` seconds, the rest goes on at the next start."""
        core = self._closing()
        if core is None:
            return
        try:
            await answer(native(core.close, grace))
        finally:
            self._end_registrations()
            for said in self._close_arms():
                await said

    def close_sync(self, *, grace: float = 5.0) -> None:
        """As :meth:`close`."""
        core = self._closing()
        if core is None:
            return
        try:
            native(native(core.close, grace).wait)
        finally:
            self._end_registrations()
            for said in self._close_arms():
                _finish(said, self._loop)

    def _close_arms(self) -> Iterator[Awaitable[None]]:
        """Has the arms closed; what they do as coroutines is yielded."""
        for arm in self._arms:
            said = arm.close() if isinstance(arm, Arm) else None
            if said is not None:
                yield said

    def __del__(self) -> None:
        # The native half closes itself when nobody has it any more.
        if getattr(self, "_core", None) is not None:
            warnings.warn(f"{self!r} was never closed", ResourceWarning, stacklevel=2, source=self)
            self._end_registrations()

    # How a call is waited for

    async def _await(self, pending: _native.Pending, read: Callable[[Any], T]) -> T:
        return read(json.loads(await answer(pending) or "null"))

    def _sync(self) -> _native.Orchestrator:
        """The orchestrator for a call that blocks this thread, if it may be blocked."""
        core = self._opened_sync()
        loops = sys.modules.get("asyncio")
        if loops is not None and self._loop is not None and loops._get_running_loop() is self._loop:
            raise Conflict(
                "a synchronous call would keep the event loop from running its arms",
                hint="await the asynchronous form, without `_sync`",
            )
        return core

    def _wait(self, begin: Callable[[_native.Orchestrator], _native.Pending], read: Callable[[Any], T]) -> T:
        return read(json.loads(native(native(begin, self._sync()).wait) or "null"))

    # Tasks

    async def run(self, task: Task, **options: Unpack[_types.TaskOptions]) -> _types.TaskResult:
        """Submits a task and waits for its end; a task that failed is a result with its ``error``.

        Cancelling the wait cancels the task.
        """
        return await self._await(native(self._opened().run, *_request(task, options)), _types.task_result)

    def run_sync(self, task: Task, **options: Unpack[_types.TaskOptions]) -> _types.TaskResult:
        """As :meth:`run`; Ctrl-C cancels the task."""
        request = _request(task, options)
        return self._wait(lambda core: core.run(*request), _types.task_result)

    async def submit(self, task: Task, **options: Unpack[_types.TaskOptions]) -> _types.TaskResponse:
        """Accepts a task. When this returns, the task is durable and will be done."""
        return await self._await(native(self._opened().submit, *_request(task, options)), _types.task_response)

    def submit_sync(self, task: Task, **options: Unpack[_types.TaskOptions]) -> _types.TaskResponse:
        """As :meth:`submit`."""
        request = _request(task, options)
        return self._wait(lambda core: core.submit(*request), _types.task_response)

    async def batch(
        self, tasks: Iterable[Task], *, concurrency: int = 16, **options: Unpack[_types.TaskOptions]
    ) -> list[_types.TaskResult | OctoLLMError]:
        """Runs many tasks, ``concurrency`` at once; a result or an error for each, in order. ``options`` go to all."""
        import asyncio

        _check_tasks(tasks, concurrency)
        places = asyncio.Semaphore(concurrency)

        async def one(task: Task) -> _types.TaskResult | OctoLLMError:
            async with places:
                try:
                    return await self.run(task, **options)
                except OctoLLMError as error:
                    return error

        return list(await asyncio.gather(*(one(task) for task in tasks)))

    def batch_sync(
        self, tasks: Iterable[Task], *, concurrency: int = 16, **options: Unpack[_types.TaskOptions]
    ) -> list[_types.TaskResult | OctoLLMError]:
        """As :meth:`batch`."""
        _check_tasks(tasks, concurrency)
        core = self._sync()
        ends: list[_types.TaskResult | OctoLLMError] = []
        begun: collections.deque[_native.Pending | OctoLLMError] = collections.deque()

        def end_first() -> None:
            first = begun.popleft()
            try:
                ends.append(first if isinstance(first, OctoLLMError) else _result(native(first.wait)))
            except OctoLLMError as error:
                ends.append(error)

        for task in tasks:
            if len(begun) >= concurrency:
                end_first()
            try:
                begun.append(native(core.run, *_request(task, options)))
            except OctoLLMError as error:
                begun.append(error)
        while begun:
            end_first()
        return ends

    async def stream(self, task: Task, **options: Unpack[_types.TaskOptions]) -> AsyncGenerator[_types.Event]:
        """Submits a task and yields its events as they happen. Leaving the loop early cancels the task.

        A loop that is left by ``break`` is noticed when the generator is closed: ``contextlib.aclosing`` does so at once.
        """
        events = _follow(native(self._opened().stream, *_request(task, options)))
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    def stream_sync(self, task: Task, **options: Unpack[_types.TaskOptions]) -> Generator[_types.Event]:
        """As :meth:`stream`."""
        yield from _follow_sync(native(self._sync().stream, *_request(task, options)))

    async def events(self, task_id: str, after: int = 0) -> AsyncGenerator[_types.Event]:
        """The events of a task after the one numbered ``after``, then those that come, until it has ended."""
        events = _follow(native(self._opened().events, task_id, after))
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    def events_sync(self, task_id: str, after: int = 0) -> Generator[_types.Event]:
        """As :meth:`events`."""
        yield from _follow_sync(native(self._sync().events, task_id, after))

    async def task(self, task_id: str) -> _types.TaskResult:
        """Where a task stands."""
        return await self._await(native(self._opened().task, task_id), _types.task_result)

    def task_sync(self, task_id: str) -> _types.TaskResult:
        """As :meth:`task`."""
        return self._wait(lambda core: core.task(task_id), _types.task_result)

    async def wait(self, task_id: str) -> _types.TaskResult:
        """Waits for a task's end. Cancelling the wait leaves the task running."""
        return await self._await(native(self._opened().wait, task_id), _types.task_result)

    def wait_sync(self, task_id: str) -> _types.TaskResult:
        """As :meth:`wait`."""
        return self._wait(lambda core: core.wait(task_id), _types.task_result)

    async def tasks(self, **filters: Any) -> _types.TaskPage:
        """A page of tasks, newest first: ``status``, ``priority``, ``parent_task_id``, ``metadata``, ``limit``, ``cursor``."""
        return await self._await(native(self._opened().list, json.dumps(filters)), _types.task_page)

    def tasks_sync(self, **filters: Any) -> _types.TaskPage:
        """As :meth:`tasks`."""
        return self._wait(lambda core: core.list(json.dumps(filters)), _types.task_page)

    async def cancel(self, task_id: str, reason: str = "cancelled by the program") -> _types.TaskResult:
        """Stops a task, its running steps and its sub-tasks. A task that has ended is left as it is."""
        return await self._await(native(self._opened().cancel, task_id, reason), _types.task_result)

    def cancel_sync(self, task_id: str, reason: str = "cancelled by the program") -> _types.TaskResult:
        """As :meth:`cancel`."""
        return self._wait(lambda core: core.cancel(task_id, reason), _types.task_result)

    async def approve(
        self, task_id: str, *, approved: bool = True, step: int | None = None, note: str | None = None
    ) -> _types.TaskResult:
        """Answers what a task waits for; without ``step`` the plan, or the only thing that waits."""
        decision = _decision(approved, step, note)
        return await self._await(native(self._opened().decide, task_id, decision), _types.task_result)

    def approve_sync(
        self, task_id: str, *, approved: bool = True, step: int | None = None, note: str | None = None
    ) -> _types.TaskResult:
        """As :meth:`approve`."""
        decision = _decision(approved, step, note)
        return self._wait(lambda core: core.decide(task_id, decision), _types.task_result)

    async def resume(self, task_id: str) -> _types.TaskResult:
        """Goes on with a task that no living process works on; opening does so by itself for the tasks of its store."""
        return await self._await(native(self._opened().resume, task_id), _types.task_result)

    def resume_sync(self, task_id: str) -> _types.TaskResult:
        """As :meth:`resume`."""
        return self._wait(lambda core: core.resume(task_id), _types.task_result)

    # Memory

    async def index(self, *paths: str | os.PathLike[str]) -> dict[str, Any]:
        """Takes files and folders into the index that the retriever searches: how many were added, updated, left out."""
        return await self._await(native(self._opened().index, list(paths)), dict)

    def index_sync(self, *paths: str | os.PathLike[str]) -> dict[str, Any]:
        """As :meth:`index`."""
        return self._wait(lambda core: core.index(list(paths)), dict)

    async def search(self, query: str, **options: Unpack[_types.SearchOptions]) -> dict[str, Any]:
        """Searches the index: ``results`` with content, source and score, and ``citations`` with a ``synthesis``."""
        return await self._await(native(self._opened().search, json.dumps({"query": query, **options})), dict)

    def search_sync(self, query: str, **options: Unpack[_types.SearchOptions]) -> dict[str, Any]:
        """As :meth:`search`."""
        return self._wait(lambda core: core.search(json.dumps({"query": query, **options})), dict)

    # Models

    async def model(self, prompt: _types.Prompt, **options: Unpack[_types.ModelOptions]) -> _types.ModelReply:
        """Asks the brain's own language model: a question, or a conversation."""
        return await self._complete(prompt, options, None)

    def model_sync(self, prompt: _types.Prompt, **options: Unpack[_types.ModelOptions]) -> _types.ModelReply:
        """As :meth:`model`."""
        return self._complete_sync(prompt, options, None)

    async def _complete(
        self, prompt: _types.Prompt, options: _types.ModelOptions, call: _native.Call | None
    ) -> _types.ModelReply:
        request = _types.model_request(prompt, options)
        return await self._await(native(self._opened().complete, request, call), _types.model_reply)

    def _complete_sync(
        self, prompt: _types.Prompt, options: _types.ModelOptions, call: _native.Call | None
    ) -> _types.ModelReply:
        request = _types.model_request(prompt, options)
        return self._wait(lambda core: core.complete(request, call), _types.model_reply)

    # What there is

    async def arms(self) -> list[dict[str, Any]]:
        """The arms, with health, breaker and statistics."""
        return await self._await(native(self._opened().arms), list)

    def arms_sync(self) -> list[dict[str, Any]]:
        """As :meth:`arms`."""
        return self._wait(lambda core: core.arms(), list)

    async def health(self) -> dict[str, Any]:
        """How the orchestrator and what it depends on are."""
        return await self._await(native(self._opened().health), dict)

    def health_sync(self) -> dict[str, Any]:
        """As :meth:`health`."""
        return self._wait(lambda core: core.health(), dict)


def _check_tasks(tasks: Any, concurrency: int) -> None:
    if isinstance(tasks, (str, Mapping)):
        raise TypeError("a batch takes a list of tasks; a single one goes to `run`")
    if concurrency < 1:
        raise ValueError("`concurrency` must be at least 1")


def _arms(arms: Iterable[AnyArm | str]) -> list[AnyArm | str]:
    if isinstance(arms, (FunctionArm, Arm, str)):
        raise TypeError("`arms` is a list of arms: `OctoLLM([weather])`")
    arms = list(arms)
    for arm in arms:
        if isinstance(arm, type) and issubclass(arm, Arm):
            raise TypeError(f"`{arm.__name__}` is a class: give an instance of it, `{arm.__name__}()`")
        if not isinstance(arm, (FunctionArm, Arm, str)):
            raise TypeError(
                f"{arm!r} is no arm: decorate a function with `@octollm.arm`, subclass `octollm.Arm`, or give the "
                "address of an arm behind HTTP"
            )
    return arms


def _decision(approved: bool, step: int | None, note: str | None) -> str:
    decision = {"approved": approved, "step": step, "note": note}
    return json.dumps({name: value for name, value in decision.items() if value is not None})


def _finish(work: Awaitable[None], loop: asyncio.AbstractEventLoop | None) -> None:
    """Runs a coroutine to its end, on the loop that the arms ran on if it still runs."""

    import asyncio

    async def waits() -> None:
        await work

    if loop is not None and loop.is_running():
        asyncio.run_coroutine_threadsafe(waits(), loop).result()
    else:
        asyncio.run(waits())


_opened: weakref.WeakSet[OctoLLM] = weakref.WeakSet()
_process = os.getpid()


@atexit.register
def _close_all() -> None:
    """What a program leaves open is closed in order, while Python still is there."""
    if os.getpid() != _process:
        return  # after a fork these are the parent's
    for octo in list(_opened):
        try:
            octo.close_sync(grace=_GRACE_AT_EXIT)
        except (OctoLLMError, RuntimeError):
            pass  # the journal has everything that was acknowledged
    stop_background()
    _native.close_workers()


def connect(url: str) -> OctoLLM:
    """An orchestrator on a server, used like one in this process: ``connect("http://127.0.0.1:8000")``."""
    return OctoLLM._remote(url)
