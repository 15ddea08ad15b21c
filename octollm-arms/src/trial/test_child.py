# Loads a piece of code and its tests, runs them, and says of each how it went on a channel of its own. It shares its
# process with the code, so nothing that it says is taken for more than it is: see run_tests.py, which started it.
import ast
import asyncio
import importlib
import importlib.util
import inspect
import json
import linecache
import os
import sys
import traceback
import types
import unittest


def channel():
    told, descriptor, write = json.loads(sys.stdin.readline()), int(sys.argv[1]), os.write

    def report(kind, **more):
        write(descriptor, (json.dumps({"nonce": told["nonce"], "kind": kind, **more}) + "\n").encode())

    return told["code"], told["tests"], report


def leave(code):
    sys.stdout.flush()
    sys.stderr.flush()
    raise SystemExit(code)


def module(name, **names):
    made = types.ModuleType(name)
    made.__file__ = name + ".py"
    made.__dict__.update(names)
    sys.modules[name] = made
    return made


def load(made, source, report):
    # So that a traceback shows the line.
    linecache.cache[made.__file__] = (len(source), None, source.splitlines(True), made.__file__)
    try:
        exec(compile(source, made.__file__, "exec"), made.__dict__)
        return
    except ModuleNotFoundError as error:
        report("not_run", why="`%s` is not installed where it is run" % error.name)
    except SystemExit:
        report("broken", why="%s ends the program while it is imported" % made.__file__)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        report("broken", why="%s cannot be imported" % made.__file__)
    leave(1)


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


def case(function, name):
    run = (lambda: asyncio.run(function())) if inspect.iscoroutinefunction(function) else function
    return unittest.FunctionTestCase(run, description=name)


def collect(tests):
    suite = unittest.TestLoader().loadTestsFromModule(tests)
    for name, value in vars(tests).items():
        if name.startswith("test") and isinstance(value, types.FunctionType) and takes_nothing(value):
            suite.addTest(case(value, name))
        elif name.startswith("Test") and isinstance(value, type) and not issubclass(value, unittest.TestCase):
            methods = [method for method in vars(value) if method.startswith("test")]
            suite.addTests(case(getattr(value(), method), name + "." + method) for method in methods)
    return suite


def name_of(test):
    if isinstance(test, unittest.FunctionTestCase):
        return test.shortDescription()
    return type(test).__name__ + "." + getattr(test, "_testMethodName", str(test))


def result_class(report):
    class Result(unittest.TextTestResult):
        def addSuccess(self, test):
            super().addSuccess(test)
            report("ok", test=name_of(test))

        def addFailure(self, test, err):
            super().addFailure(test, err)
            report("failed", test=name_of(test))

        def addError(self, test, err):
            super().addError(test, err)
            report("failed", test=name_of(test))

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            report("skipped", test=name_of(test))

        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            report("ok", test=name_of(test))

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            report("failed", test=name_of(test))

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                report("failed", test=name_of(test))

    return Result


def parts_of_unittest():
    for name, part in list(sys.modules.items()):
        if name == "unittest" or name.startswith("unittest."):
            yield part
            yield from (value for value in vars(part).values() if isinstance(value, type) and value.__module__ == name)


def frozen():
    # Attributes that come and go by themselves are left out: caches, and what importing a submodule sets.
    own = (types.FunctionType, classmethod, staticmethod, property, type)
    return {
        (id(part), name): value
        for part in parts_of_unittest()
        for name, value in vars(part).items()
        if isinstance(value, own)
    }


def untouched(before):
    now = frozen()
    return all(now.get(place) is value for place, value in before.items())


def main():
    code, source, report = channel()
    before, result = frozen(), result_class(report)
    solution = module("solution")
    load(solution, code, report)
    stand_in(source, solution)
    tests = module("test_solution", **{name: value for name, value in vars(solution).items() if not name.startswith("_")})
    load(tests, source, report)
    report("loaded")
    suite = collect(tests)
    unittest.TextTestRunner(stream=sys.stdout, verbosity=1, buffer=True, resultclass=result).run(suite)
    report("done" if untouched(before) else "touched")
    leave(0)


main()
