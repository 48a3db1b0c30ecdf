"""What Assay's programs for Python's test frameworks share: the channel to Assay, which files of the project a test file loaded, and what a
test saw of the watched libraries. Needs Python 3.8 or newer and nothing else."""

import ast
import importlib.util
import json
import os
import stat
import sys
import types

# Assay passes over lines that are much longer.
MAX_LINE = 900_000
MAX_MESSAGE = 50_000
MAX_OUTPUT = 80_000
MAX_FILES = 3_000

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def take_options():
    """What Assay wants, and an environment as if Assay was not there."""
    options = json.loads(os.environ.pop("ASSAY_TESTS"))
    own = {os.path.dirname(os.path.abspath(__file__)), options["folder"]}
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path not in own]
    if paths:
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    else:
        os.environ.pop("PYTHONPATH", None)
    sys.path[:] = [path for path in sys.path if path not in own]
    return options


class Channel:
    """Events go out and commands come in as JSON, one per line, on descriptors that tests neither find by chance nor hand on."""

    def __init__(self):
        self._owner = os.getpid()
        self._events = move(3)
        self._commands = move(0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        if null != 0:
            os.close(null)
        os.close(3)
        self._identities = {fd: _identity(fd) for fd in (self._events, self._commands)}
        self._rest = b""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._let_go)

    def send(self, event):
        data = json.dumps(event).encode("ascii")
        while len(data) > MAX_LINE:
            result = event["result"]
            for part in ("message", "output"):
                if part in result:
                    result[part] = result[part][-(len(result[part]) // 2) :]
            data = json.dumps(event).encode("ascii")
        data += b"\n"
        self._check(self._events)
        while data:
            data = data[os.write(self._events, data) :]

    def receive(self):
        """The next command; None when there will be no more."""
        while b"\n" not in self._rest:
            self._check(self._commands)
            data = os.read(self._commands, 65_536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def guard(self):
        """A process that a test forked and that runs on after it would be a second one of us."""
        if os.getpid() != self._owner:
            os._exit(1)

    def _check(self, fd):
        self.guard()
        if _identity(fd) == self._identities[fd]:
            return
        try:
            os.write(2, b"assay: a test closed the descriptors of the process that runs the tests\n")
        except OSError:
            pass
        os._exit(1)

    def _let_go(self):
        for fd, identity in self._identities.items():
            if _identity(fd) == identity:
                os.close(fd)


def move(fd):
    """A copy, that is handed on to nobody, out of the way of tests that close the descriptors that they know."""
    if fcntl is None:
        return os.dup(fd)
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    high = 1_000 if limit == resource.RLIM_INFINITY else min(1_000, limit - 4)
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(high, 4))


def _identity(fd):
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return (status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode))


def finished(result):
    """The event of a test's end, with no more text than fits."""
    message, output = result.pop("message", ""), result.pop("output", "")
    if message:
        half = MAX_MESSAGE // 2
        cut = len(message) > MAX_MESSAGE
        result["message"] = message[:half] + "\n[...]\n" + message[-half:] if cut else message
    if output:
        result["output"] = output[-MAX_OUTPUT:]
    return {"kind": "finished", "result": result}


class Project:
    """The files of a project, and what they refer to."""

    def __init__(self, root, watch):
        self.root = os.path.realpath(root)
        # Names of other languages' packages are none of modules.
        self.watch = [name for name in watch if all(part.isidentifier() for part in name.split("."))]
        self._owned = {}
        self._references = {}
        self._known = set(sys.modules)
        self._also = {}
        self._closures = {}

    def relative(self, path):
        return os.path.relpath(os.path.realpath(path), self.root).replace(os.sep, "/")

    def owns(self, path):
        """Whether a file is of the project: below its root, and not installed there."""
        owned = self._owned.get(path)
        if owned is None:
            real = os.path.realpath(path)
            parts = real[len(self.root) + 1 :].split(os.sep)
            prefix = os.path.realpath(sys.prefix)
            owned = (
                real.startswith(self.root + os.sep)
                and "site-packages" not in parts
                and "dist-packages" not in parts
                and not (prefix.startswith(self.root + os.sep) and real.startswith(prefix + os.sep))
            )
            self._owned[path] = owned
        return owned

    def attribute(self, file):
        """What was loaded since the last call was loaded for this file."""
        if len(sys.modules) == len(self._known):
            return
        fresh = [name for name in list(sys.modules) if name not in self._known]
        self._known = set(sys.modules)
        files = [_file_of(sys.modules.get(name)) for name in fresh]
        self._also.setdefault(file, set()).update(path for path in files if path and self.owns(path))

    def seen(self, file, modules):
        """Which files of the project the modules of a test file load, and which of the watched libraries these name."""
        key = (len(sys.modules), len(self._also.get(file, ())))
        cached = self._closures.get(file)
        if cached is None or cached[0] != key:
            cached = (key, self._closure(file, modules))
            self._closures[file] = cached
        return cached[1]

    def _closure(self, file, modules):
        by_file = {_file_of(module): module for module in list(sys.modules.values())}
        also = [by_file[path] for path in self._also.get(file, ()) if path in by_file]
        waiting, files, libraries = [*modules, *also], set(), set()
        while waiting:
            module = waiting.pop()
            path = _file_of(module)
            if path is None or path in files or not self.owns(path):
                continue
            files.add(path)
            for name in self._names(module, path):
                libraries.update(library for library in self.watch if within(name, library))
                if name in sys.modules:
                    waiting.append(sys.modules[name])
        return sorted(self.relative(path) for path in files)[:MAX_FILES], libraries

    def _names(self, module, path):
        names = self._references.get(path)
        if names is None:
            names = names_in(path, getattr(module, "__package__", None) or "")
            self._references[path] = names
        return names


def _file_of(module):
    path = getattr(module, "__file__", None) if isinstance(module, types.ModuleType) else None
    return path if isinstance(path, str) else None


def within(name, library):
    return name == library or name.startswith(library + ".")


# Functions whose first argument names a module, or something in one.
_NAMING = {"importorskip", "import_module", "__import__", "patch", "setattr", "delattr", "setitem", "delitem"}


def names_in(path, package):
    """All that a file's imports, and calls which import or replace by name, could load."""
    try:
        with open(path, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return frozenset()
    names = set()

    def add(name):
        parts = name.split(".")
        names.update(".".join(parts[: end + 1]) for end in range(len(parts)))

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            try:
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            except (ImportError, ValueError):
                continue
            for alias in node.names:
                add(base + "." + alias.name)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            if called in _NAMING:
                for argument in node.args[:2]:
                    value = getattr(argument, "value", None)
                    if isinstance(value, str):
                        add(value)
        elif isinstance(node, ast.Subscript) and getattr(node.value, "attr", None) == "modules":
            # In Python 3.8 a constant is in a node of its own here.
            key = getattr(getattr(node.slice, "value", None), "value", getattr(node.slice, "value", None))
            if isinstance(key, str):
                add(key)
    return frozenset(names)


class Libraries:
    """What tests see of the watched libraries: the things themselves, stand-ins, or nothing."""

    def __init__(self, project):
        self._project = project
        # What replaces something in a library now, and in which.
        self._active = {}
        self._touched = set()
        self._states = {}
        self._hooked = set()
        self._findable = {}

    def begin(self):
        self._hook()
        self._touched = set().union(*self._active.values())
        self._states = {}

    def look(self, libraries):
        """To be called while what the test put in place is still there."""
        for library in libraries:
            state = self._state(library)
            if state is not None:
                self._states[library] = state

    def states(self, libraries):
        mocked = {library: "mocked" for library in libraries if library in self._touched}
        return {**self._states, **mocked}

    def _state(self, library):
        if library in sys.modules:
            module = sys.modules[library]
            if module is None:
                return "missing"
            return "real" if self._is_real(module, library) else "mocked"
        key = (library, len(sys.path))
        if key not in self._findable:
            try:
                self._findable[key] = importlib.util.find_spec(library) is not None
            except (ImportError, ValueError, AttributeError):
                self._findable[key] = False
        return None if self._findable[key] else "missing"

    def _is_real(self, module, library):
        spec = module.__dict__.get("__spec__") if type(module).__module__ != "unittest.mock" else None
        if spec is None or getattr(spec, "loader", None) is None or getattr(spec, "name", None) != library:
            return False
        places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or ())
        return not any(self._project.owns(place) for place in places if place) or self._is_project(library)

    def _is_project(self, library):
        """The tests of a library itself have it among their files."""
        for name in ("pyproject.toml", "setup.cfg", "setup.py"):
            try:
                with open(os.path.join(self._project.root, name), encoding="utf-8") as source:
                    text = source.read()
            except (OSError, ValueError):
                continue
            for line in text.replace(",", "\n").splitlines():
                key, _, value = line.strip().replace("setup(", "").partition("=")
                if key.strip() == "name" and value.strip().strip("\"'").replace("-", "_") == library:
                    return True
        return False

    def _hook(self):
        for name in ("unittest.mock", "mock.mock"):
            module = sys.modules.get(name)
            if module is not None and name not in self._hooked:
                self._hooked.add(name)
                self._wrap(module._patch, "__enter__", lambda patch: [patch.target, replaceable(patch.temp_original) or ""])
                self._unwrap(module._patch, "__exit__")
                self._wrap(module._patch_dict, "_patch_dict", _patched_modules)
                self._unwrap(module._patch_dict, "_unpatch_dict")

    def replaced(self, owner, things):
        """`owner` put something in the place of these: modules, what they define, or names with dots."""
        found = {library for thing in things for library in self._project.watch if within(_home(thing), library)}
        if found:
            self._active.setdefault(id(owner), set()).update(found)
            self._touched |= found

    def restored(self, owner):
        self._active.pop(id(owner), None)

    def _wrap(self, kind, name, things):
        original = getattr(kind, name)

        def wrapper(this, *args, **kwargs):
            value = original(this, *args, **kwargs)
            self.replaced(this, things(this))
            return value

        setattr(kind, name, wrapper)

    def _unwrap(self, kind, name):
        original = getattr(kind, name)

        def wrapper(this, *args, **kwargs):
            self.restored(this)
            return original(this, *args, **kwargs)

        setattr(kind, name, wrapper)


def _patched_modules(patch):
    return [str(name) for name in patch.values] if patch.in_dict is sys.modules else []


def replaceable(thing):
    """Code of a library; data that it made stands for nothing."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
    return thing if isinstance(thing, code) else None


def _home(thing):
    """The name of the module that something is, or comes from."""
    if isinstance(thing, str):
        return thing
    if isinstance(thing, types.ModuleType):
        name = thing.__dict__.get("__name__")
    elif replaceable(thing) is not None:
        name = getattr(thing, "__module__", None)
    else:
        name = type(thing).__module__
    return name if isinstance(name, str) else ""


def not_real(required, libraries, states):
    """Why a test that must see real libraries did not; None when it did."""
    wrong = [f"{name} was {states[name]}" for name in required if name in libraries and states.get(name, "real") != "real"]
    return f"the run demands real libraries, and {', '.join(wrong)}" if wrong else None
