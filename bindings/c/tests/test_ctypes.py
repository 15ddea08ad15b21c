"""The C interface from another language: Python, by nothing but ctypes."""

import ctypes
import json
import sys

from octollm_ctypes import EXECUTE, FINALIZE, HEALTH, Arm, call, lib, text

home = sys.argv[2].encode()

finalized = []


@EXECUTE
def execute(_env, handle):
    handle = ctypes.c_void_p(handle)
    asked = json.loads(lib.octollm_call_input(handle, None))
    call("call_complete", handle, json.dumps({"sum": asked["a"] + asked["b"]}).encode())


@FINALIZE
def finalize(_env):
    finalized.append(True)


builder = ctypes.c_void_p()
call("builder_new", ctypes.byref(builder))
call("builder_set", builder, b"OCTOLLM_HOME", home)
call("builder_set", builder, b"LLM_DISCOVERY", b"off")
descriptor = {"arm_id": "adder", "name": "Adder", "capabilities": ["adding"]}
arm = Arm(None, execute, HEALTH(0), finalize)
call("builder_add_arm", builder, json.dumps(descriptor).encode(), ctypes.byref(arm))
octo = ctypes.c_void_p()
call("start", builder, ctypes.byref(octo))

step = {"step": 1, "action": "add", "required_arm": "adder", "input": {"a": 2, "b": 3}}
request = {"goal": "Add the two numbers", "plan": {"subtasks": [step]}}
result = text("run", octo, json.dumps(request).encode(), b"{}", ctypes.c_uint64(30_000))
assert result["status"] == "completed" and result["steps"][0]["output"] == {"sum": 5}, result

try:
    text("run", octo, b'{"goal": "short"}', b"{}", ctypes.c_uint64(0))
    raise SystemExit("a bad request was accepted")
except RuntimeError as error:
    assert "invalid_input" in str(error) and "/goal" in str(error), error

call("free", octo)
assert finalized == [True]
print("ctypes: all is well")
