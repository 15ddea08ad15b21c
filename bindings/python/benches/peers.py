"""The same work in other frameworks: a chain of steps that do nothing, and many such steps at once."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

# Nothing is told to anybody while it is measured.
os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true", "LANGSMITH_TRACING": "false"}
# A node in Python holds the lock of the interpreter: more threads do not make it faster.
os.environ["NEOGRAPH_SUPPRESS_FANOUT_WARNING"] = "1"

#: What is run, and how many steps it has.
Run = tuple[Callable[[], Awaitable[Any]], int]


def langgraph(chain: int, wide: int) -> dict[str, Run]:
    """LangGraph without a checkpointer."""
    from typing import TypedDict

    from langgraph.graph import END, START, StateGraph

    class State(TypedDict):
        pass

    def graph(is_async: bool, count: int, chained: bool) -> Any:
        async def nothing_async(state: State) -> None:
            return None

        def nothing(state: State) -> None:
            return None

        building: Any = StateGraph(State)
        for number in range(count):
            building.add_node(f"n{number}", nothing_async if is_async else nothing)
            building.add_edge(f"n{number - 1}" if chained and number else START, f"n{number}")
            if not chained or number == count - 1:
                building.add_edge(f"n{number}", END)
        return building.compile()

    def run(is_async: bool, count: int, chained: bool) -> Run:
        made = graph(is_async, count, chained)
        return (lambda: made.ainvoke({}, {"recursion_limit": count + 10})), count

    return {
        f"{kind}, {name}": run(kind == "async", count, chained)
        for kind in ("sync", "async")
        for name, count, chained in (("alone", chain, True), ("at 64", wide, False))
    }


def pydantic_graph(chain: int, wide: int) -> dict[str, Run]:
    """pydantic-graph; its steps are coroutines."""
    from pydantic_graph import GraphBuilder
    from pydantic_graph.join import reduce_null

    async def nothing(ctx: Any) -> None:
        return None

    def chained() -> Any:
        building: Any = GraphBuilder()
        steps = [building.step(nothing, node_id=f"n{number}") for number in range(chain)]
        path = [building.start_node, *steps, building.end_node]
        building.add(*(building.edge_from(before).to(after) for before, after in zip(path, path[1:])))
        return building.build()

    def side_by_side() -> Any:
        building: Any = GraphBuilder(input_type=list)
        step = building.step(nothing, node_id="n")
        joined = building.join(reduce_null, initial=None)
        building.add(
            building.edge_from(building.start_node).map().to(step),
            building.edge_from(step).to(joined),
            building.edge_from(joined).to(building.end_node),
        )
        return building.build()

    alone, at_once = chained(), side_by_side()
    return {
        "async, alone": ((lambda: alone.run()), chain),
        f"async, at {wide}": ((lambda: at_once.run(inputs=list(range(wide)))), wide),
    }


def neograph(chain: int, wide: int) -> dict[str, Run]:
    """NeoGraph's engine in C++, with nodes in Python and without a checkpoint store."""
    import neograph_engine as ng

    @ng.node("nothing")
    def nothing(state: Any) -> list[Any]:
        return []

    def run(count: int, chained: bool) -> Run:
        edges = []
        for number in range(count):
            before = f"n{number - 1}" if chained and number else ng.START_NODE
            edges.append({"from": before, "to": f"n{number}"})
            if not chained or number == count - 1:
                edges.append({"from": f"n{number}", "to": ng.END_NODE})
        definition = {
            "schema_version": ng.TOPOLOGY_SCHEMA_VERSION,
            "name": "nothings",
            "channels": {"nothing": {"reducer": "overwrite"}},
            "nodes": {f"n{number}": {"type": "nothing"} for number in range(count)},
            "edges": edges,
        }
        engine = ng.GraphEngine.compile(definition, ng.NodeContext())

        async def once() -> None:
            result = await engine.run_async(ng.RunConfig(thread_id="bench", max_steps=count + 10))
            if len(result.execution_trace) != count:
                raise RuntimeError(f"{len(result.execution_trace)} of {count} nodes were run")

        return once, count

    return {"sync, alone": run(chain, True), f"sync, at {wide}": run(wide, False)}


def crewai(chain: int, wide: int) -> dict[str, Run]:
    """CrewAI's flows: methods that listen to one another."""
    from crewai.flow.flow import Flow, listen, start

    def first(self: Any) -> None:
        return None

    def made(is_async: bool) -> Any:
        async def nothing_async(self: Any) -> None:
            return None

        def nothing(self: Any) -> None:
            return None

        members: dict[str, Any] = {"n0": start()(first)}
        for number in range(1, chain):
            work = nothing_async if is_async else nothing
            copied = type(work)(work.__code__, work.__globals__, f"n{number}", work.__defaults__, work.__closure__)
            members[f"n{number}"] = listen(f"n{number - 1}")(copied)
        return type("Nothings", (Flow,), members)

    def run(is_async: bool) -> Run:
        # Otherwise it draws a box for every step, which takes longer than the step.
        flow = made(is_async)
        return (lambda: flow(suppress_flow_events=True).kickoff_async()), chain

    return {"sync, alone": run(False), "async, alone": run(True)}


def there_are(chain: int, wide: int) -> dict[str, dict[str, Run] | str]:
    """Every peer's runs, or why it has none."""
    found: dict[str, dict[str, Run] | str] = {}
    peers = (
        ("langgraph", langgraph),
        ("pydantic-graph", pydantic_graph),
        ("neograph", neograph),
        ("crewai flows", crewai),
    )
    for name, make in peers:
        try:
            found[name] = make(chain, wide)
        except ImportError as error:
            found[name] = f"not installed ({error.name})"
        except Exception as error:
            found[name] = f"does not run here: {type(error).__name__}: {error}"
    return found
