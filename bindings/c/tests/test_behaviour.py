"""The behaviour cases that all faces share, through the C interface: see tests/behaviour/README.md."""

import ctypes
import json
import sys
import threading
import time
from itertools import chain, repeat
from pathlib import Path

from octollm_ctypes import EXECUTE, FINALIZE, HEALTH, Arm, String, call, lib, text

CASES = sorted((Path(__file__).parents[3] / "tests" / "behaviour").glob("*.json"))


# How many calls that are never answered have not been given up yet.
waiting = []


def until(done):
    for _ in range(6000):
        if done():
            return
        time.sleep(0.005)
    raise AssertionError("it never came")


def hold(handle):
    """Keeps a call until nobody waits for its answer any more."""
    waiting.append(handle)
    try:
        until(lambda: lib.octollm_call_is_cancelled(handle))
    finally:
        lib.octollm_call_free(handle)
    waiting.remove(handle)


def add(builder, arm):
    """Adds the arm of a case, and answers what must live as long as the orchestrator."""
    descriptor = dict(arm)
    answers = descriptor.pop("answers")
    turns = chain(answers, repeat(answers[-1]))

    @EXECUTE
    def execute(_env, handle):
        handle, said = ctypes.c_void_p(handle), next(turns)
        asked = json.loads(lib.octollm_call_input(handle, None))
        if "wait" in said:
            threading.Thread(target=hold, args=(handle,)).start()
        elif "fail" in said:
            failure = said["fail"]
            temporary = ctypes.c_bool(failure["temporary"])
            call("call_fail", handle, failure["message"].encode(), temporary, ctypes.c_uint64(0))
        else:
            output = said.get("output", {"echo": asked})
            if "length_of" in said:
                output = {"length": len(asked[said["length_of"].removeprefix("/")])}
            call("call_complete", handle, json.dumps(output).encode())

    kept = Arm(None, execute, HEALTH(0), FINALIZE(0))
    call("builder_add_arm", builder, json.dumps(descriptor).encode(), ctypes.byref(kept))
    return kept


def opened(case, home):
    builder = ctypes.c_void_p()
    call("builder_new", ctypes.byref(builder))
    call("builder_set", builder, b"OCTOLLM_HOME", home.encode())
    call("builder_set", builder, b"LLM_DISCOVERY", b"off")
    kept = [add(builder, arm) for arm in case["arms"]]
    octo = ctypes.c_void_p()
    call("start", builder, ctypes.byref(octo))
    return octo, kept


def events(octo, task):
    """The task's events, until it has ended."""
    followed = ctypes.c_void_p()
    call("events_open", octo, task, ctypes.c_uint64(0), ctypes.byref(followed))
    while True:
        event, ended = String(), ctypes.c_bool(False)
        call("events_next", followed, ctypes.c_uint64(30_000), ctypes.byref(event), ctypes.byref(ended))
        if ended:
            break
        yield json.loads(ctypes.string_at(event.data, event.len))
        lib.octollm_string_free(ctypes.byref(event))
    lib.octollm_events_free(followed)


def holds(wanted, found, place=""):
    """Everything that is wanted is there: objects may have more, lists may not, and null is the same as absent."""
    if isinstance(wanted, dict):
        for name, part in wanted.items():
            holds(part, (found or {}).get(name), f"{place}/{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (part, there) in enumerate(zip(wanted, found, strict=True)):
            holds(part, there, f"{place}/{index}")
    else:
        assert wanted == found, (place, wanted, found)


def drive(octo, case):
    request = json.dumps(case["request"]).encode()
    key = (ctypes.c_char_p(None), ctypes.c_size_t(0))
    if "key" in case:
        key = (json.dumps({"idempotency_key": case["key"]}).encode(),)
    if "refused" in case:
        try:
            text("submit", octo, request, *key)
        except RuntimeError as error:
            for said in (case["refused"]["code"], *case["refused"]["pointers"]):
                assert said in str(error), (said, error)
            return
        raise AssertionError("a bad request was accepted")
    task = text("submit", octo, request, *key)["task_id"].encode()
    if "key" in case:
        assert text("submit", octo, request, *key)["task_id"].encode() == task
    decisions, cancel = iter(case.get("decisions", [])), case.get("cancel")
    types = []
    for event in events(octo, task):
        if event.get("seq"):
            types.append(event["type"])
        if cancel and event["type"] == cancel["at"]:
            text("cancel", octo, task, cancel["reason"].encode())
            cancel = None
        elif event["type"] == "approval.requested":
            text("approve", octo, task, json.dumps(next(decisions)).encode())
    assert types == case.get("events", types), types
    holds(case["result"], text("task", octo, task))
    until(lambda: not waiting)


assert len(CASES) >= 24, "cases are missing"
for path in CASES:
    case = json.loads(path.read_text())
    octo, kept = opened(case, f"{sys.argv[2]}/{path.stem}")
    try:
        drive(octo, case)
    except BaseException:
        print(f"behaviour: {path.stem} differs", file=sys.stderr)
        raise
    call("free", octo)
print(f"behaviour: {len(CASES)} cases are alike")
