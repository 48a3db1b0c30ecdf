"""Assay's plugin for pytest 7 or newer: lists tests, or stays and runs those that it is told to, in one session of pytest.

It is named on the command line and never installed. What it knows of pytest beyond the documented hooks: a session can collect again, an
item's protocol can run again, and `session._setupstate` tears down to what another item needs."""

import os
import sys
import time
import traceback

import assay_common
import pytest

OPTIONS = assay_common.take_options()
CHANNEL = assay_common.Channel()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    # How many failures end a run, and in which processes it runs, is for who sees all of it.
    for name, value in (("maxfail", 0), ("dist", "no"), ("numprocesses", None), ("tx", [])):
        if hasattr(config.option, name):
            setattr(config.option, name, value)
    kind = Lister if OPTIONS["mode"] == "list" else Server
    config.pluginmanager.register(kind(config), "assay")


def file_of(nodeid):
    return nodeid.split("::", 1)[0]


class Lister:
    def __init__(self, config):
        self.folder = str(config.invocation_params.dir)
        CHANNEL.send({"kind": "version", "version": pytest.__version__})

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report):
        if report.failed:
            CHANNEL.send({"kind": "problem", "file": file_of(report.nodeid) or None, "message": report.longreprtext[:50_000]})
        elif report.skipped:
            file = file_of(report.nodeid)
            CHANNEL.send({"kind": "test", "test": {"id": report.nodeid, "file": file, "tags": [], "skip": skip_reason(report)}})

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        for item in session.items:
            test = {"id": item.nodeid, "file": relative(self.folder, item.path)}
            test["tags"] = list(dict.fromkeys(mark.name for mark in item.iter_markers()))
            line = item.location[1]
            skip, together = static_skip(item), shared(item)
            CHANNEL.send(
                {
                    "kind": "test",
                    "test": {
                        **test,
                        **({} if line is None else {"line": line + 1}),
                        **({} if skip is None else {"skip": skip}),
                        **({} if together is None else {"together": together}),
                    },
                }
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        CHANNEL.send({"kind": "done"})
        return True


def relative(folder, path):
    try:
        return os.path.relpath(str(path), folder).replace(os.sep, "/")
    except ValueError:  # Another drive
        return str(path)


def skip_reason(report):
    longrepr = report.longrepr
    text = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
    return text[len("Skipped: ") :] if text.startswith("Skipped: ") else text


def static_skip(item):
    try:
        from _pytest.skipping import evaluate_skip_marks

        skip = evaluate_skip_marks(item)
    except BaseException:  # A condition that cannot be told says so when the test runs.
        return None
    return None if skip is None else str(skip.reason)


SCOPES = ("package", "module", "class")


def shared(item):
    """A word for what is made once for this test and others."""
    for mark in item.iter_markers("xdist_group"):
        name = mark.args[0] if mark.args else mark.kwargs.get("name")
        if name is not None:
            return "group:" + str(name)
    fixtures = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    scopes = {definitions[-1].scope for name, definitions in fixtures.items() if binds(item, name, definitions[-1])}
    kinds = {"package": getattr(pytest, "Package"), "module": pytest.Module, "class": pytest.Class}
    for scope in SCOPES:
        if scope in scopes:
            node = item.getparent(kinds[scope]) or item.getparent(pytest.Module) or item.parent
            return scope + ":" + node.nodeid
    return None


def binds(item, name, definition):
    if definition.scope not in SCOPES:
        return False
    if "_unittest_setUpClass_fixture" in name or "unittest_setUpClass_fixture" in name:
        import unittest

        made = [getattr(getattr(item.cls, hook, None), "__func__", None) for hook in ("setUpClass", "tearDownClass")]
        return made != [unittest.TestCase.setUpClass.__func__, unittest.TestCase.tearDownClass.__func__]
    own = getattr(definition.func, "__module__", "") or ""
    return "xunit_setup" in name or not own.startswith(("_pytest.", "pytest_asyncio."))


class Boundary(pytest.Item):
    """What comes after the last test of a batch: it needs nothing but the session."""

    def runtest(self):
        raise AssertionError("it is never run")


class Server:
    """Runs the batches that it is told to. Fixtures of the session live as long as the process, all others as their batch needs them."""

    def __init__(self, config):
        self.folder = str(config.invocation_params.dir)
        self.root = str(config.rootpath)
        self.project = assay_common.Project(self.folder, OPTIONS["watch"])
        self.libraries = assay_common.Libraries(self.project)
        self.collecting = False
        self.files = {}  # Each file that was collected, with its tests by id
        self.broken = {}  # Why something could not be collected, by id
        self.skipped = {}
        self.sent = {}
        self.modules = {}
        self.reports = []
        watch_monkeypatch(self.libraries)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session):
        return None if self.collecting else True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        boundary = Boundary.from_parent(session, name="assay")
        CHANNEL.send({"kind": "ready"})
        while True:
            command = CHANNEL.receive()
            if command is None:
                return True
            os.chdir(self.folder)
            self.run_batch(session, command["tests"], boundary)
            forget_reports(session.config)
            CHANNEL.send({"kind": "done"})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector):
        if not isinstance(collector, pytest.File) or isinstance(collector, pytest.Package):
            yield
            return
        # What it imports may hang, or end the process.
        CHANNEL.send({"kind": "started", "id": file_of(collector.nodeid)})
        yield
        self.project.attribute(file_of(collector.nodeid))

    def pytest_collectreport(self, report):
        if report.failed:
            self.broken[report.nodeid] = report.longreprtext
            problem = {"file": file_of(report.nodeid) or None, "message": report.longreprtext[: assay_common.MAX_MESSAGE]}
            CHANNEL.send({"kind": "problem", **problem})
        elif report.skipped:
            self.skipped[report.nodeid] = report

    def pytest_runtest_logreport(self, report):
        self.reports.append(report)

    # Called after the fixtures are made and after the test ran, while what they put in place is still there.
    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_setup(self, item):
        yield
        self.libraries.look(self.seen(item)[1])

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item):
        yield
        self.libraries.look(self.seen(item)[1])

    def seen(self, item):
        file = file_of(item.nodeid)
        if file not in self.modules:
            self.modules[file] = modules_of(item)
        return self.project.seen(file, self.modules[file])

    def run_batch(self, session, wanted, boundary):
        fresh = [file for file in dict.fromkeys(map(file_of, wanted)) if file not in self.files]
        if fresh:
            self.collect(session, fresh)
        items = []
        for test in wanted:
            found = self.items_of(test)
            items += found
            if not found:
                CHANNEL.send({"kind": "started", "id": test})
                CHANNEL.send(assay_common.finished(self.not_found(test)))
        for index, item in enumerate(items):
            self.run_item(session, item, items[index + 1] if index + 1 < len(items) else boundary, boundary)
            file = file_of(item.nodeid)
            if index + 1 == len(items) or file_of(items[index + 1].nodeid) != file:
                loaded = self.seen(item)[0]
                if self.sent.get(file) != loaded:
                    self.sent[file] = loaded
                    CHANNEL.send({"kind": "loaded", "file": relative(self.folder, item.path), "files": loaded})

    def items_of(self, test):
        """The tests of this id; all below it when it is of a file or a class."""
        tests = self.files.get(file_of(test), {})
        if test in tests:
            return tests[test]
        return [item for nodeid, items in tests.items() if nodeid.startswith(test + "::") for item in items]

    def collect(self, session, files):
        # pytest 7 takes the file of a package for all that is in the package.
        packages = [file for file in files if os.path.basename(file) == "__init__.py"]
        if packages and len(files) > 1:
            for part in (*([file] for file in packages), [file for file in files if file not in packages]):
                if part:
                    self.collect(session, part)
            return
        for file in files:
            self.files[file] = {}
        there = [file for file in files if os.path.exists(os.path.join(self.root, file))]
        session.shouldfail = session.shouldstop = False
        session.config.args = [os.path.join(self.root, file) for file in there]
        self.collecting = True
        try:
            if there:
                session.config.hook.pytest_collection(session=session)
        except Exception as error:
            # One file that pytest refuses must not take the others with it.
            if len(there) > 1:
                for file in there:
                    self.collect(session, [file])
                return
            self.broken[there[0]] = str(error) or traceback.format_exc()
        except BaseException as error:
            self.broken[there[0]] = traceback.format_exc() if len(there) > 1 else repr(error)
        finally:
            self.collecting = False
            CHANNEL.guard()
        for item in session.items:
            file = file_of(item.nodeid)
            if file in files:
                self.files[file].setdefault(item.nodeid, []).append(item)

    def not_found(self, test):
        """Why nothing has this id."""
        file = file_of(test)
        result = {"id": test, "file": relative(self.folder, os.path.join(self.root, file)), "duration_seconds": 0}
        for nodeid, message in self.broken.items():
            if nodeid in ("", file) or (test + "::").startswith(nodeid + "::"):
                return {**result, "outcome": "error", "message": message}
        for nodeid, report in self.skipped.items():
            if nodeid == file or (test + "::").startswith(nodeid + "::"):
                return self.judge({**result, "outcome": "skipped", "message": skip_reason(report)}, self.named(file))
        if test == file and os.path.exists(os.path.join(self.root, file)):
            return {**result, "outcome": "skipped", "message": "the file has no tests that pytest would run"}
        return {**result, "outcome": "error", "message": "pytest does not find this test, or deselects it"}

    def named(self, file):
        """What a file that skipped itself names: its module is not kept."""
        names = assay_common.names_in(os.path.join(self.root, file), "")
        libraries = {lib for lib in self.project.watch if any(assay_common.within(name, lib) for name in names)}
        self.libraries.begin()
        self.libraries.look(libraries)
        return libraries

    def run_item(self, session, item, nextitem, boundary):
        CHANNEL.send({"kind": "started", "id": item.nodeid})
        retries = 0
        while True:
            result = self.try_item(item, nextitem)
            retries += result.pop("retries", 0)
            if result["outcome"] not in ("failed", "error") or retries >= OPTIONS["retries"]:
                break
            retries += 1
            if result["outcome"] == "error":
                # What could not be made is remembered until it is torn down.
                try:
                    session._setupstate.teardown_exact(boundary)
                except BaseException:
                    traceback.print_exc()
        if retries:
            result["retries"] = retries
        CHANNEL.send(assay_common.finished(result))

    def try_item(self, item, nextitem):
        self.reports = []
        self.libraries.begin()
        fault = None
        started = time.perf_counter()
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        except BaseException as error:
            # pytest would end here: a test called pytest.exit(), or a hook failed.
            fault = f"it would have ended the session: {error!r}\n{traceback.format_exc()}"
            try:
                item.session._setupstate.teardown_exact(nextitem)
            except BaseException:
                traceback.print_exc()
        CHANNEL.guard()
        session = item.session
        session.shouldfail = session.shouldstop = False
        self.project.attribute(file_of(item.nodeid))
        result = combined(self.reports)
        result["duration_seconds"] = result["duration_seconds"] or time.perf_counter() - started
        if fault is not None:
            result = {**result, "outcome": "error", "message": fault}
        if hasattr(item, "_report_sections"):
            item._report_sections.clear()
        libraries = self.seen(item)[1]
        return self.judge({"id": item.nodeid, "file": relative(self.folder, item.path), **result}, libraries)

    def judge(self, result, libraries):
        states = self.libraries.states(libraries)
        if states:
            result["libraries"] = states
        why = assay_common.not_real(OPTIONS["requireReal"], libraries, states)
        if why is not None and result["outcome"] not in ("failed", "error"):
            result["message"] = why + (": " + result["message"] if result.get("message") else "")
            result["outcome"] = "failed"
        return result


def modules_of(item):
    """The module of a test, and those that hold fixtures for it."""
    above = os.path.dirname(str(item.path)) + os.sep
    plugins = {getattr(plugin, "__file__", None): plugin for plugin in item.config.pluginmanager.get_plugins()}
    module = getattr(item, "module", None)
    return [
        *([] if module is None else [module]),
        *(
            plugin
            for path, plugin in plugins.items()
            if path and os.path.basename(path) == "conftest.py" and above.startswith(os.path.dirname(path) + os.sep)
        ),
    ]


def forget_reports(config):
    """pytest keeps all reports for the summary at its end, with what the tests printed."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        terminal.stats.clear()


def combined(reports):
    """One outcome of all that pytest reported of a test. A test that said no is a failure, whatever went wrong after it."""
    # Plugins that run tests again themselves say so.
    again = [index for index, report in enumerate(reports) if report.outcome == "rerun"]
    last = reports[again[-1] + 1 :] if again else reports
    result = {"outcome": "error", "duration_seconds": sum(report.duration for report in last)}
    bad = [report for report in last if report.failed]
    calls = [report for report in bad if report.when == "call"]
    parts = [report for report in last if "ubtest" not in type(report).__name__.lower()]
    if bad:
        result["outcome"] = "failed" if calls else "error"
        result["message"] = "\n\n".join(report.longreprtext for report in bad)
    else:
        skips = [report for report in last if report.skipped and report in parts]
        passes = [report for report in last if report.when == "call" and report.passed]
        expected = [report for report in last if hasattr(report, "wasxfail")]
        if expected:
            result["outcome"] = "xfailed" if expected[0].skipped else "xpassed"
            result["message"] = expected[0].wasxfail
        elif skips:
            result["outcome"] = "skipped"
            result["message"] = skip_reason(skips[0])
        elif passes:
            result["outcome"] = "passed"
        else:
            result["message"] = "pytest reported nothing of it"
    if last and result["outcome"] != "passed":
        result["output"] = "\n".join(f"--- {name} ---\n{text}" for name, text in last[-1].sections if text)
    if again:
        result["retries"] = len(again)
    return result


def watch_monkeypatch(libraries):
    def watched(name, things):
        original = getattr(pytest.MonkeyPatch, name)

        def wrapper(this, *args, **kwargs):
            found = things(*args, **kwargs)
            value = original(this, *args, **kwargs)
            libraries.replaced(this, found)
            return value

        setattr(pytest.MonkeyPatch, name, wrapper)

    for name in ("setattr", "delattr"):
        watched(name, attribute_things)
    for name in ("setitem", "delitem"):
        watched(name, lambda dic, name, *_args, **_kwargs: [str(name)] if dic is sys.modules else [])
    undo = pytest.MonkeyPatch.undo

    def restore(this):
        libraries.restored(this)
        return undo(this)

    pytest.MonkeyPatch.undo = restore


def attribute_things(target, name=None, *_args, **_kwargs):
    if not isinstance(target, str):
        old = vars(target).get(name) if isinstance(name, str) and hasattr(target, "__dict__") else None
        return [target, assay_common.replaceable(old) or ""]
    holder, _, attribute = target.rpartition(".")
    old = getattr(sys.modules.get(holder), attribute, None)
    return [target, assay_common.replaceable(old) or ""]
