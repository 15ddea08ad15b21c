"""The C interface for Python, by nothing but ctypes."""

import ctypes
import json
import sys

lib = ctypes.CDLL(sys.argv[1])


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
lib.octollm_call_is_cancelled.restype = ctypes.c_bool


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
