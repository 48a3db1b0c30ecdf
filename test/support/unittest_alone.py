"""Runs unittest as `python -m unittest discover` does and writes down what its own result class is told of each test, as JSON:
[name, outcome] pairs. Usage: unittest_alone.py REPORT [arguments of discover]"""

import json
import sys
import unittest

report = sys.argv.pop(1)
told = []
# The test of which was told last: what goes wrong in several parts of it is told several times.
latest = None
# Each test that was found, by the words with which unittest tells of what its class and its module share.
sharing = {}


def note(test, outcome):
    global latest
    if test is latest:
        told[-1][1] = next(one for one in ("failed", "error", outcome) if one in (told[-1][1], outcome))
    elif isinstance(test, unittest.TestCase):
        # What could not be loaded has the name of its module.
        name = test._testMethodName if type(test).__module__ == "unittest.loader" else test.id()
        told.append([name, outcome])
        latest = test
    elif test.description.startswith("setUp"):
        told.extend([name, outcome] for name in sharing[test.description.partition("(")[2]])
    else:
        # What goes wrong after the last test is told of that.
        names = sharing[test.description.partition("(")[2]]
        last = next(one for one in reversed(told) if one[0] in names)
        last[1] = "failed" if last[1] == "failed" else outcome


class Result(unittest.TextTestResult):
    note = staticmethod(note)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failed")

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "error")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(getattr(test, "test_case", test), "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "xfailed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failed" if issubclass(err[0], test.failureException) else "error")


def tests_in(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        else:
            yield test


class Runner(unittest.TextTestRunner):
    resultclass = Result

    def run(self, test):
        for one in tests_in(test):
            kind = type(one)
            for words in (f"{kind.__module__}.{kind.__qualname__})", f"{kind.__module__})"):
                sharing.setdefault(words, []).append(one.id())
        return super().run(test)


sys.argv[1:1] = ["discover"]
unittest.main(module=None, testRunner=Runner, exit=False)
with open(report, "w", encoding="utf-8") as file:
    json.dump(told, file)
