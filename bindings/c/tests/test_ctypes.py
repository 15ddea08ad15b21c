"""The C interface from another language: Python, by nothing but ctypes."""

import ctypes
import json
import sys

lib = ctypes.CDLL(sys.argv[1])
home = sys.argv[2].encode()


class String(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_size_t)]


EXECUTE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
HEALTH = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
FINALIZE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Arm(ctypes.Structure):
    _fields_ = [
        ("env", ctypes.c_void_p),
        ("execute", EXECUTE),
        ("health", HEALTH),
        ("finalize", FINALIZE),
    ]


for name in ("version", "error_message", "error_code", "call_input"):
    getattr(lib, f"octollm_{name}").restype = ctypes.c_char_p


def call(name, *arguments):
    """Calls `octollm_name`; bytes become a pointer and a length."""
    function = getattr(lib, f"octollm_{name}")
    function.restype = ctypes.c_void_p
    passed = []
    for argument in arguments:
        if isinstance(argument, bytes):
            passed += [ctypes.c_char_p(argument), ctypes.c_size_t(len(argument))]
        else:
            passed.append(argument)
    error = function(*passed)
    if error:
        error = ctypes.c_void_p(error)
        message = lib.octollm_error_message(error).decode()
        code = lib.octollm_error_code(error).decode()
        lib.octollm_error_free(error)
        raise RuntimeError(f"{code}: {message}")


def text(name, *arguments):
    """What `octollm_name` writes, read as JSON."""
    out = String()
    call(name, *arguments, ctypes.byref(out))
    value = json.loads(ctypes.string_at(out.data, out.len))
    lib.octollm_string_free(ctypes.byref(out))
    return value


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
result = text("run", octo, json.dumps(request).encode(), ctypes.c_uint64(30_000))
assert result["status"] == "completed" and result["steps"][0]["output"] == {"sum": 5}, result

try:
    text("run", octo, b'{"goal": "short"}', ctypes.c_uint64(0))
    raise SystemExit("a bad request was accepted")
except RuntimeError as error:
    assert "invalid_input" in str(error) and "/goal" in str(error), error

call("free", octo)
assert finalized == [True]
print("ctypes: all is well")
