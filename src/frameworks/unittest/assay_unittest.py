"""Assay's program for unittest: lists tests as `python -m unittest discover` finds them, or stays and runs those that it is told to.

What it knows of unittest beyond the documented classes: the steps by which a TestSuite makes and tears down what classes and modules share."""

import argparse
import copy
import faulthandler
import importlib
import os
import sys
import tempfile
import time
import traceback
import unittest
import warnings

import assay_common

OPTIONS = assay_common.take_options()
CHANNEL = assay_common.Channel()


def arguments():
    parser = argparse.ArgumentParser(prog="unittest discover")
    parser.add_argument("-s", "--start-directory", dest="start", default=".")
    parser.add_argument("-p", "--pattern", dest="pattern", default="test*.py")
    parser.add_argument("-t", "--top-level-directory", dest="top")
    for name in ("start", "pattern", "top"):
        parser.add_argument(name, nargs="?", default=argparse.SUPPRESS)
    parser.add_argument("-k", dest="names", action="append")
    # What ends a run and what it prints is for Assay to say.
    for flags in (("-v", "--verbose"), ("-q", "--quiet"), ("-b", "--buffer"), ("-f", "--failfast"), ("-c", "--catch")):
        parser.add_argument(*flags, action="store_true")
    return parser.parse_args()


ARGUMENTS = arguments()


def loader():
    found = unittest.TestLoader()
    if ARGUMENTS.names:
        found.testNamePatterns = [name if "*" in name else f"*{name}*" for name in ARGUMENTS.names]
    return found


def discovered():
    return flat(loader().discover(ARGUMENTS.start, ARGUMENTS.pattern, ARGUMENTS.top))


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        elif test is not None:
            yield test


def named(tests):
    """Tests by their ids; the second of an id is `id #2`."""
    found, counts = {}, {}
    for test in tests:
        if broken(test) is None:
            name = test.id()
            counts[name] = counts.get(name, 0) + 1
            found[name if counts[name] == 1 else f"{name} #{counts[name]}"] = test
    return found


def broken(test):
    """Why a module, or something in it, could not be loaded; None for a test."""
    if type(test).__name__ != "_FailedTest":
        return None
    return str(getattr(test, "_exception", test))


def module_of(test):
    return sys.modules.get(type(test).__module__)


def overrides(owner, names):
    return any(getattr(getattr(owner, name), "__func__", None) is not getattr(unittest.TestCase, name).__func__ for name in names)


def shared(test):
    module = module_of(test)
    if hasattr(module, "setUpModule") or hasattr(module, "tearDownModule"):
        return "module:" + type(test).__module__
    if isinstance(test, unittest.TestCase) and overrides(type(test), ("setUpClass", "tearDownClass")):
        return "class:" + type(test).__module__ + "." + type(test).__qualname__
    return None


def described(name, test, project):
    method = getattr(test, getattr(test, "_testMethodName", ""), None)
    file = getattr(module_of(test), "__file__", None)
    found = {"id": name, "file": project.relative(file) if file else "", "tags": []}
    for owner in (method, type(test)):
        if getattr(owner, "__unittest_skip__", False):
            found["skip"] = str(getattr(owner, "__unittest_skip_why__", ""))
            break
    while hasattr(method, "__wrapped__"):
        method = method.__wrapped__
    code = getattr(method, "__code__", None)
    if code is not None:
        found["line"] = code.co_firstlineno
    together = shared(test)
    if together is not None:
        found["together"] = together
    if type(test).__name__ == "ModuleSkipped":
        found.update(id=test._testMethodName, file=test._testMethodName.replace(".", "/") + ".py")
    return found


def list_tests(project):
    CHANNEL.send({"kind": "version", "version": sys.version.split()[0]})
    tests = list(discovered())
    for name, test in named(tests).items():
        CHANNEL.send({"kind": "test", "test": described(name, test, project)})
    for test in tests:
        why = broken(test)
        if why is not None:
            file = test._testMethodName.replace(".", "/") + ".py"
            CHANNEL.send({"kind": "problem", "file": file, "message": why[: assay_common.MAX_MESSAGE]})
    CHANNEL.send({"kind": "done"})


class Capture:
    """Takes what a test prints, whichever way, and passes it on afterwards."""

    def __init__(self):
        with tempfile.TemporaryFile() as file:
            self.file = os.fdopen(assay_common.move(file.fileno()), "w+b")
        self.saved = [assay_common.move(1), assay_common.move(2)]
        faulthandler.enable(file=self.saved[1])

    def start(self):
        self.flush()
        for fd in (1, 2):
            os.dup2(self.file.fileno(), fd)

    def stop(self):
        self.flush()
        for fd, saved in zip((1, 2), self.saved):
            os.dup2(saved, fd)
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        while True:
            data = self.file.read(65_536)
            if not data:
                break
            while data:
                data = data[os.write(self.saved[0], data) :]
        self.file.seek(max(0, size - assay_common.MAX_OUTPUT))
        tail = self.file.read().decode("utf-8", "replace")
        self.file.seek(0)
        self.file.truncate()
        return tail

    @staticmethod
    def flush():
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass


class Recorder(unittest.TestResult):
    """What unittest says of one test after the other, and of what they share."""

    def __init__(self):
        super().__init__()
        self.clear()
        self.fixture = None

    def clear(self):
        self.found = {}

    def note(self, outcome, message):
        self.found.setdefault(outcome, []).append(message)

    def text(self, error):
        return "".join(traceback.format_exception(*error))

    def addSuccess(self, test):
        self.note("passed", "")

    def addFailure(self, test, err):
        self.note("failed", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        if not isinstance(test, unittest.TestCase):
            self.fixture = ("error", f"{test}\n{self.text(err)}")
            return
        self.note("error", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        if not isinstance(test, unittest.TestCase):
            self.fixture = ("skipped", str(reason))
            return
        self.note("skipped", str(reason))

    def addExpectedFailure(self, test, err):
        self.note("xfailed", "expected failure")

    def addUnexpectedSuccess(self, test):
        # unittest counts it among what did not go well.
        self.note("failed", "unexpected success")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            outcome = "failed" if issubclass(err[0], test.failureException) else "error"
            self.note(outcome, f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def outcome(self):
        for outcome in ("failed", "error", "skipped", "xfailed", "passed"):
            if outcome in self.found:
                return outcome, "\n\n".join(text for text in self.found[outcome] if text)
        return "error", "unittest reported nothing of it"


class Server:
    def __init__(self, project):
        self.folder = os.getcwd()
        self.project = project
        self.libraries = assay_common.Libraries(project)
        self.capture = Capture()
        self.modules = {}
        self.failures = {}
        self.all = None
        self.sent = {}
        self.top = os.path.abspath(ARGUMENTS.top or ARGUMENTS.start)
        if os.path.isdir(self.top) and self.top not in sys.path:
            sys.path.insert(0, self.top)
        if not sys.warnoptions:
            warnings.simplefilter("default")

    def serve(self):
        CHANNEL.send({"kind": "ready"})
        while True:
            command = CHANNEL.receive()
            if command is None:
                return
            os.chdir(self.folder)
            self.run_batch(command["tests"])
            CHANNEL.send({"kind": "done"})

    def run_batch(self, wanted):
        tests = []
        for name in wanted:
            found = self.tests_of(name)
            tests += found
            if not found:
                CHANNEL.send({"kind": "started", "id": name})
                outcome, message = next(
                    (why for module, why in self.failures.items() if (name + ".").startswith(module + ".")),
                    ("error", "unittest does not find this test"),
                )
                result = {"id": name, "outcome": outcome, "duration_seconds": 0, "message": message}
                CHANNEL.send(assay_common.finished(result))
        suite, recorder = unittest.TestSuite(), Recorder()
        for index, (name, test) in enumerate(tests):
            following = tests[index + 1][1] if index + 1 < len(tests) else None
            self.run_test(suite, recorder, (name, test, following))

    def tests_of(self, name):
        tests = self.tests_in(self.module_name(name))
        if name not in tests and not any(test.startswith(name + ".") for test in tests):
            # Packages may make tests of their own while they are looked through.
            if self.all is None:
                self.all = named(discovered())
            tests = self.all
        if name in tests:
            return [(name, tests[name])]
        return [(key, test) for key, test in tests.items() if key.startswith(name + ".")]

    def module_name(self, name):
        """The longest part of a test's name that is a module."""
        parts, found = name.split("."), None
        for end in range(1, len(parts) + 1):
            part = ".".join(parts[:end])
            if part in self.failures:
                return part
            try:
                if part not in sys.modules:
                    CHANNEL.send({"kind": "started", "id": part})
                importlib.import_module(part)
            except unittest.SkipTest as skip:
                self.failures[part] = ("skipped", str(skip))
                return part
            except BaseException as error:
                CHANNEL.guard()
                missing = isinstance(error, ModuleNotFoundError) and (error.name == part or "is not a package" in str(error))
                if not missing or found is None:
                    self.failures[part] = ("error", traceback.format_exc())
                break
            self.project.attribute(part)
            found = part
        return found

    def tests_in(self, name):
        if name is None or name not in sys.modules:
            return {}
        # What a name starts with may be a module that is none of the tests': a doctest has the name of what it documents.
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or not os.path.realpath(file).startswith(os.path.realpath(self.top) + os.sep):
            return {}
        if name not in self.modules:
            self.modules[name] = named(flat(loader().loadTestsFromModule(sys.modules[name])))
        return self.modules[name]

    def run_test(self, suite, recorder, turn):
        name, test, following = turn
        CHANNEL.send({"kind": "started", "id": name})
        self.libraries.begin()
        self.capture.start()
        started = time.perf_counter()
        retries = 0
        recorder.fixture = recorder.fixture if recorder._previousTestClass is type(test) else None
        try:
            suite._handleModuleFixture(test, recorder)
            suite._handleClassSetUp(test, recorder)
            recorder._previousTestClass = type(test)
            if getattr(type(test), "_classSetupFailed", False) or recorder._moduleSetUpFailed:
                outcome, message = recorder.fixture or ("error", "what its class or module shares could not be made")
            else:
                outcome, message = self.try_test(test, recorder)
                while outcome in ("failed", "error") and retries < OPTIONS["retries"]:
                    retries += 1
                    outcome, message = self.try_test(test, recorder)
            if following is None or type(following) is not type(test):
                outcome, message = self.tear_down(suite, recorder, (following, outcome, message))
        except BaseException:
            outcome, message = "error", traceback.format_exc()
        CHANNEL.guard()
        duration = time.perf_counter() - started
        output = self.capture.stop()
        self.tell(test, {"id": name, "outcome": outcome, "message": message, "output": output, "duration_seconds": duration, "retries": retries})

    def try_test(self, test, recorder):
        recorder.clear()
        # A test keeps what it set on itself.
        fresh = copy.copy(test)
        if hasattr(fresh, "_cleanups"):
            fresh._cleanups = []
        fresh(recorder)
        CHANNEL.guard()
        return recorder.outcome()

    def tear_down(self, suite, recorder, state):
        """Tears down what no later test of the batch needs; what goes wrong is the last test's."""
        following, outcome, message = state
        before = recorder.fixture
        recorder.fixture = None
        suite._tearDownPreviousClass(following, recorder)
        if following is None or type(following).__module__ != recorder._previousTestClass.__module__:
            suite._handleModuleTearDown(recorder)
            recorder._previousTestClass = None
        if recorder.fixture is None:
            recorder.fixture = before
            return outcome, message
        _, why = recorder.fixture
        return ("failed" if outcome == "failed" else "error"), "\n\n".join(part for part in (message, why) if part)

    def tell(self, test, result):
        module = type(test).__module__
        self.project.attribute(module)
        files, libraries = self.project.seen(module, [sys.modules[module]] if module in sys.modules else [])
        self.libraries.look(libraries)
        states = self.libraries.states(libraries)
        path = getattr(module_of(test), "__file__", None)
        result = {**({"file": self.project.relative(path)} if path else {}), **result}
        if states:
            result["libraries"] = states
        if not result["retries"]:
            del result["retries"]
        if result["outcome"] == "passed":
            del result["output"]
        why = assay_common.not_real(OPTIONS["requireReal"], libraries, states)
        if why is not None and result["outcome"] not in ("failed", "error"):
            result.update(outcome="failed", message=": ".join(part for part in (why, result["message"]) if part))
        CHANNEL.send(assay_common.finished(result))
        if path and self.sent.get(module) != files:
            self.sent[module] = files
            CHANNEL.send({"kind": "loaded", "file": self.project.relative(path), "files": files})


def main():
    project = assay_common.Project(os.getcwd(), OPTIONS["watch"])
    if OPTIONS["mode"] == "list":
        list_tests(project)
    else:
        Server(project).serve()


if __name__ == "__main__":
    main()
