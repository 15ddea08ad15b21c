# Runs the tests of a piece of code, both given as text in FILES, and says at the end how it went, on one line that begins
# with MARK. What comes before that is a person's to read. Both names are set above this line.
import ast
import importlib
import importlib.util
import json
import linecache
import sys
import traceback
import types
import unittest


def finish(outcome, **more):
    sys.stderr.flush()
    print("\n" + MARK + json.dumps({"outcome": outcome, **more}), flush=True)
    raise SystemExit(0 if outcome == "passed" else 1)


def module(name, **names):
    made = types.ModuleType(name)
    made.__file__ = name + ".py"
    made.__dict__.update(names)
    sys.modules[name] = made
    return made


def load(made, source):
    # So that a traceback shows the line.
    linecache.cache[made.__file__] = (len(source), None, source.splitlines(True), made.__file__)
    try:
        exec(compile(source, made.__file__, "exec"), made.__dict__)
    except ModuleNotFoundError as error:
        finish("not_run", why="`%s` is not installed where it is run" % error.name)
    except SystemExit:
        finish("failed", ran=0, failed=1, why="%s ends the program while it is imported" % made.__file__)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        finish("failed", ran=0, failed=1, why="%s cannot be imported" % made.__file__)


def imported(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, [alias.name for alias in node.names]


def is_solution(root, names, solution):
    if root == "pytest":
        return False
    if importlib.util.find_spec(root) is None:
        return True
    # A module of that name there is (`code`, say), but what is wanted of it is only in the solution.
    wanted = [name for name in names if name != "*"]
    mine = wanted and all(hasattr(solution, name) for name in wanted)
    return bool(mine) and not all(hasattr(importlib.import_module(root), name) for name in wanted)


def stand_in(source, solution):
    # Tests cannot know what file the code will be in: a module that nobody else has is the code.
    for name, names in imported(source):
        root = name.partition(".")[0]
        if root != "solution" and is_solution(root, names, solution):
            sys.modules[root] = solution


def takes_nothing(function):
    code = function.__code__
    return code.co_argcount + code.co_kwonlyargcount == 0


def collect(tests):
    suite = unittest.defaultTestLoader.loadTestsFromModule(tests)
    for name, value in vars(tests).items():
        if name.startswith("test") and isinstance(value, types.FunctionType) and takes_nothing(value):
            suite.addTest(unittest.FunctionTestCase(value, description=name))
        elif name.startswith("Test") and isinstance(value, type) and not issubclass(value, unittest.TestCase):
            methods = [method for method in vars(value) if method.startswith("test")]
            suite.addTests(unittest.FunctionTestCase(getattr(value(), method), description=method) for method in methods)
    return suite


solution = module("solution")
load(solution, FILES["code"])
stand_in(FILES["tests"], solution)
public = {name: value for name, value in vars(solution).items() if not name.startswith("_")}
tests = module("test_solution", **public)
load(tests, FILES["tests"])
suite = collect(tests)
asserts = sum(isinstance(node, ast.Assert) for node in ast.parse(FILES["tests"]).body)
if suite.countTestCases() + asserts == 0:
    finish("not_run", why="there is no test in them that could be found")
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1, buffer=True).run(suite)
failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
finish("failed" if failed else "passed", ran=result.testsRun + asserts, failed=failed)
