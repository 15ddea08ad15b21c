# Has the tests of a piece of code run, both given as text in FILES, and says at the end how it went, on one line that
# begins with MARK. What comes before that is a person's to read. FILES and MARK are set above this line.
#
# The code is not to decide whether it passed. It runs in a process of its own (FILES["child"]), which never sees MARK and
# has neither this one's output nor, where the system lets a process hide, its memory. That process says of each test how it
# went, in lines that bear a number which only the two know; and this one holds what it says against the tests that stand in
# the source, against its exit, and against unittest as it was before the code was loaded.
import ast
import collections
import ctypes
import json
import os
import secrets
import subprocess
import sys
import threading

MOST_SAID = 1 << 20
MOST_KEPT = 16 << 10


def finish(outcome, **more):
    print("\n" + MARK + json.dumps({"outcome": outcome, **more}), flush=True)
    raise SystemExit(0 if outcome == "passed" else 1)


def hide():
    # PR_SET_DUMPABLE: /proc/PID/mem and /proc/PID/fd of this process are closed to others of the same user.
    try:
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    except (AttributeError, OSError):
        pass


def is_test_class(node):
    bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
    return node.name.startswith("Test") or any(base.endswith("TestCase") for base in bases)


def written(source):
    """The tests that stand in the source, and how many asserts do outside of them."""
    names, deleted, asserts = set(), set(), 0
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.parse(source).body:
        if isinstance(node, functions) and node.name.startswith("test"):
            taken = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            if not taken and not node.decorator_list:
                names.add(node.name)
        elif isinstance(node, ast.ClassDef) and is_test_class(node):
            methods = [one for one in node.body if isinstance(one, functions) and one.name.startswith("test")]
            names.update(node.name + "." + one.name for one in methods if not one.decorator_list)
        elif isinstance(node, ast.Assert):
            asserts += 1
        elif isinstance(node, ast.Delete):
            deleted.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return {name for name in names if name.partition(".")[0] not in deleted}, asserts


def kept(stream, chunks):
    # The end of what it prints, so that the verdict is never crowded out.
    size = 0
    for chunk in iter(lambda: stream.read1(4096), b""):
        chunks.append(chunk)
        size += len(chunk)
        while size - len(chunks[0]) > MOST_KEPT:
            size -= len(chunks.popleft())


def run(nonce):
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", FILES["child"], str(writing)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[writing],
    )  # fmt: skip
    os.close(writing)
    chunks = collections.deque()
    relay = threading.Thread(target=kept, args=(child.stdout, chunks))
    relay.start()
    try:
        with child.stdin as told:
            told.write(json.dumps({"nonce": nonce, "code": FILES["code"], "tests": FILES["tests"]}).encode() + b"\n")
    except BrokenPipeError:
        pass
    with os.fdopen(reading, "rb") as channel:
        said = channel.read(MOST_SAID)
    ended = child.wait()
    relay.join()
    print(b"".join(chunks).decode("utf-8", "replace"), flush=True)
    return said, ended


def lines(said, nonce):
    for line in said.splitlines():
        try:
            entry = json.loads(line)
            genuine = secrets.compare_digest(entry["nonce"], nonce)
        except (ValueError, TypeError, KeyError):
            genuine = False
        if not genuine:
            finish("failed", ran=0, failed=1, why="something else than the tests spoke about them")
        yield entry


def judge(entries, ended, names, asserts):
    kinds, how = [entry["kind"] for entry in entries], {}
    for entry in entries:
        if entry["kind"] == "not_run":
            finish("not_run", why=entry["why"])
        if entry["kind"] == "broken":
            finish("failed", ran=0, failed=1, why=entry["why"])
        if "test" in entry and how.get(entry["test"]) != "failed":
            how[entry["test"]] = entry["kind"]
    count = collections.Counter(how.values())
    ran, failed = count["ok"] + count["failed"], count["failed"]
    if "loaded" in kinds:
        ran += asserts
    if "touched" in kinds:
        finish("failed", ran=ran, failed=max(failed, 1), why="the code changes how tests are run")
    if "done" not in kinds or ended != 0:
        finish("failed", ran=ran, failed=max(failed, 1), why="it ended before all tests had run (exit code %d)" % ended)
    missing = sorted(names - set(how))
    if missing:
        finish("failed", ran=ran, failed=failed + len(missing), why="did not run: " + ", ".join(missing[:20]))
    if ran == 0:
        why = "every test was skipped" if how else "there is no test in them that could be found"
        finish("not_run", why=why)
    finish("failed" if failed else "passed", ran=ran, failed=failed)


def main():
    hide()
    try:
        names, asserts = written(FILES["tests"])
    except SyntaxError as error:
        finish("failed", ran=0, failed=1, why="the tests do not parse, line %s" % error.lineno)
    nonce = secrets.token_hex(16)
    said, ended = run(nonce)
    judge(list(lines(said, nonce)), ended, names, asserts)


main()
