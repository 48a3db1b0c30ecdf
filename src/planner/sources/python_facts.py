"""Tells what stands in Python files, one JSON document per line on descriptor 3 for each path on the standard input. Runs nothing of them."""

import ast
import json
import os
import re
import sys

DEVICE = re.compile(r"^(cuda|mps|xpu|hip|xla|tpu|webgpu|webnn)(:\d+)?$")
DEVICE_PART = {"cuda", "mps", "xpu", "hip", "tpu", "gpu"}
LISTING = {"listdir", "scandir", "iterdir", "walk", "glob", "rglob", "iglob", "files"}
LOADERS = {"import_module", "__import__", "run_module", "run_path", "exec_module", "spec_from_file_location", "walk_packages", "iter_modules", "load_module"}
QUESTIONS = {"is_available", "device_count", "is_built", "get_device_capability", "get_device_properties", "is_bf16_supported"}
SET_UP = {"setUp", "setUpClass", "setup_method", "setup_class", "asyncSetUp"}
BY_MODULE = {"import_module", "__import__", "run_module"}
SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "==", ast.IsNot: "!="}
FLIP = {"skipIf": False, "skipif": False, "skipUnless": True}
MAX_TEXT = 200
MAX_DEPTH = 8
UNKNOWN = {"op": "unknown"}


def dotted(node):
    """`torch.cuda.is_available` of the call of it, too; None for what has no name."""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return None if before is None else before + "." + node.attr
    return None


def text_of(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def start_of(node):
    """What is written out of a text from its start, and whether that is all of it; None where that tells no package."""
    if text_of(node) is not None:
        return text_of(node), True
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else getattr(node, "left", None)
    text = text_of(first)
    return (text, False) if text is not None and "." in text else None


def number_of(node):
    """Of arithmetic on constants; a version as (major, minor) is a list."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, (ast.Tuple, ast.List)):
        parts = [number_of(one) for one in node.elts]
        return parts if parts and None not in parts else None
    if isinstance(node, ast.BinOp):
        left, right = number_of(node.left), number_of(node.right)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            return None
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Pow) and abs(left) <= 1024 and abs(right) <= 10:
            return left**right
        if isinstance(node.op, ast.LShift) and isinstance(left, int) and isinstance(right, int) and 0 <= right < 64:
            return left << right
    return None


class Names:
    """What the top level of a module gives names to, as far as it is one thing."""

    def __init__(self, tree):
        self.values = {}
        self.modules = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self.give(node.targets[0].id, node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                self.give(node.target.id, node.value)
            elif isinstance(node, ast.Try):
                self.attempt(node)
            elif isinstance(node, ast.Import):
                for one in node.names:
                    self.alias(one)

    def give(self, name, value):
        # What is given twice may be either.
        self.values[name] = None if name in self.values else value

    def alias(self, one):
        if one.asname:
            self.modules[one.asname] = one.name

    def attempt(self, node):
        """`try: import torch; HAS = …` / `except ImportError: HAS = False`, and `torch = None` there."""
        tried = [one for statement in node.body for one in imported(statement)]
        caught = [one for handler in node.handlers for one in handler.body]
        given = {}
        for statement in node.body:
            if isinstance(statement, ast.Import):
                for one in statement.names:
                    self.alias(one)
            for name in targets(statement):
                given[name] = statement.value
        for statement in caught:
            constant = statement.value if isinstance(statement, ast.Assign) else None
            if not tried or not isinstance(constant, ast.Constant) or constant.value not in (False, None):
                continue
            for name in targets(statement):
                self.values[name] = Optional("module:" + tried[0], given.get(name))


class Optional:
    """What a name is where a module is there; false where it is not."""

    def __init__(self, module, value):
        self.module = module
        self.value = value


def targets(statement):
    return [one.id for one in statement.targets if isinstance(one, ast.Name)] if isinstance(statement, ast.Assign) else []


def imported(statement):
    if isinstance(statement, ast.Import):
        return [one.name.split(".")[0] for one in statement.names]
    if isinstance(statement, ast.ImportFrom) and statement.module and statement.level == 0:
        return [statement.module.split(".")[0]]
    return []


class Conditions:
    def __init__(self, names):
        self.names = names

    def read(self, node, depth=0):
        if depth > MAX_DEPTH:
            return UNKNOWN
        deeper = depth + 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return {"op": "not", "of": self.read(node.operand, deeper)}
        if isinstance(node, ast.BoolOp):
            op = "and" if isinstance(node.op, ast.And) else "or"
            return {"op": op, "of": [self.read(one, deeper) for one in node.values]}
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SIGNS:
            left, right = self.read(node.left, deeper), self.read(node.comparators[0], deeper)
            return {"op": "compare", "sign": SIGNS[type(node.ops[0])], "left": left, "right": right}
        number = number_of(node)
        if number is not None:
            return {"op": "value", "value": number}
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and depth == 0:
                return self.from_text(node.value)
            return {"op": "value", "value": node.value if isinstance(node.value, (str, bool, type(None))) else None}
        return self.term(node, deeper)

    def from_text(self, text):
        """pytest takes conditions as texts, too."""
        try:
            return self.read(ast.parse(text, mode="eval").body, 1)
        except (SyntaxError, ValueError):
            return UNKNOWN

    def term(self, node, depth):
        name = dotted(node)
        if name is None:
            return UNKNOWN
        if isinstance(node, ast.Call) and name.split(".")[-1] in ("find_spec", "importorskip") and node.args:
            module = text_of(node.args[0])
            return UNKNOWN if module is None else {"op": "term", "name": "module:" + module.split(".")[0]}
        if isinstance(node, ast.Call) and name in ("bool", "any", "all") and len(node.args) == 1:
            return self.read(node.args[0], depth)
        if isinstance(node, ast.Name) and name in self.names.values:
            value = self.names.values[name]
            if isinstance(value, Optional):
                module = {"op": "term", "name": value.module}
                if value.value is None or isinstance(value.value, ast.Constant):
                    return module
                return {"op": "and", "of": [module, self.read(value.value, depth)]}
            return UNKNOWN if value is None else self.read(value, depth)
        first, _, rest = name.partition(".")
        first = self.names.modules.get(first, first)
        return {"op": "term", "name": first + "." + rest if rest else first}


class Facts(ast.NodeVisitor):
    def __init__(self, tree, lines):
        self.lines = lines
        self.names = Names(tree)
        self.conditions = Conditions(self.names)
        self.within = []
        self.guards = 0
        self.decorating = False
        self.found = {"imports": [], "skips": [], "marks": [], "uses": [], "strings": [], "opaque": [], "lists": None, "anyRoot": False}
        self.strings = set()
        self.visit(tree)

    def at(self, node, **also):
        line = self.lines[node.lineno - 1].strip()[:MAX_TEXT] if node.lineno <= len(self.lines) else ""
        return {"line": node.lineno, "text": line, "within": list(self.within), **also}

    def add(self, what, node, **also):
        self.found[what].append(self.at(node, **also))

    # Scopes

    def visit_ClassDef(self, node):
        self.scope(node)

    def visit_FunctionDef(self, node):
        self.scope(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def scope(self, node):
        self.within.append(node.name)
        for decorator in node.decorator_list:
            self.decorator(decorator)
        self.body_skips(node)
        # What decorates says when and with what a test runs, and is read as such.
        self.decorating = True
        for decorator in node.decorator_list:
            self.visit(decorator)
        self.decorating = False
        for name, value in ast.iter_fields(node):
            for one in value if isinstance(value, list) and name != "decorator_list" else [value]:
                if isinstance(one, ast.AST):
                    self.visit(one)
        self.within.pop()

    def decorator(self, node):
        for one in self.meant(node):
            self.mark(one)

    def meant(self, node):
        """A decorator that is a name of the module is what the name stands for."""
        value = self.names.values.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(value, (ast.List, ast.Tuple)):
            return [inner for one in value.elts for inner in self.meant(one)]
        return [node if value is None or isinstance(value, Optional) else value]

    def mark(self, node, parameter=None):
        name = dotted(node)
        if name is None:
            return
        last = name.split(".")[-1]
        also = {} if parameter is None else {"parameter": parameter}
        arguments = node.args if isinstance(node, ast.Call) else []
        if last in FLIP and arguments:
            self.skip(node, arguments[0], FLIP[last], **also)
        elif last == "parametrize":
            self.parametrize(node)
        else:
            numbers = [number_of(one) for one in arguments] + [number_of(one.value) for one in getattr(node, "keywords", [])]
            texts = [text_of(one) for one in arguments]
            given = [one for one in numbers + texts if isinstance(one, (int, float, str))]
            self.add("marks", node, name=last, arguments=given, **also)

    def skip(self, node, condition, runs_if, **also):
        self.add("skips", node, condition=self.conditions.read(condition), runsIf=runs_if, **also)

    def parametrize(self, node):
        for one in ast.walk(node):
            if isinstance(one, ast.Call) and (dotted(one) or "").endswith("param") and one.args:
                value = text_of(one.args[0])
                marks = [key.value for key in one.keywords if key.arg == "marks"]
                inner = [mark for found in marks for mark in (found.elts if isinstance(found, (ast.List, ast.Tuple)) else [found])]
                for mark in inner if value is not None else []:
                    for meant in self.meant(mark):
                        self.mark(meant, value)
            value = text_of(one)
            if value is not None and DEVICE.match(value):
                self.add("uses", one, name=value, kind="parameter", guarded=False)

    def body_skips(self, node):
        """`if not …: pytest.skip()` where it is always come by: in a test, or in what sets up all of a class."""
        within = list(self.within)
        if node.name in SET_UP:
            self.within.pop()
        for statement in node.body:
            self.statement_skip(statement)
            # It may end here, and what follows is not always come by.
            if any(isinstance(one, ast.Return) for one in ast.walk(statement)):
                break
        self.within[:] = within

    def statement_skip(self, statement):
        if isinstance(statement, ast.If) and any(is_skip(one) for one in statement.body):
            self.skip(statement, statement.test, False)
        call = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
        if isinstance(call, ast.Call) and (dotted(call) or "").endswith("importorskip"):
            self.skip(statement, call, True)

    # Statements

    def visit_Module(self, node):
        for statement in node.body:
            self.statement_skip(statement)
        self.generic_visit(node)

    def visit_Expr(self, node):
        # A text that stands alone says nothing to the program.
        if text_of(node.value) is None:
            self.generic_visit(node)

    def visit_Assign(self, node):
        names = [one.id for one in node.targets if isinstance(one, ast.Name)]
        values = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
        if "pytestmark" in names:
            for value in values:
                self.decorator(value)
        if "pytest_plugins" in names:
            for value in values:
                if text_of(value) is not None:
                    self.add("imports", value, module=text_of(value), names=[], level=0)
        self.generic_visit(node)

    def visit_Import(self, node):
        for one in node.names:
            self.add("imports", node, module=one.name, names=[], level=0)

    def visit_ImportFrom(self, node):
        self.add("imports", node, module=node.module or "", names=[one.name for one in node.names], level=node.level)

    def visit_If(self, node):
        self.guard(node.test)
        self.generic_visit(node)
        self.unguard(node.test)

    visit_IfExp = visit_If

    def guard(self, test):
        self.guards += asks(test)

    def unguard(self, test):
        self.guards -= asks(test)

    # Expressions

    def visit_Call(self, node):
        name = dotted(node) or ""
        last = node.func.attr if isinstance(node.func, ast.Attribute) else name
        if last in LISTING:
            self.found["lists"] = self.found["lists"] or node.lineno
        if last in LOADERS:
            self.loads(node, last)
        is_use = last == "cuda" or DEVICE_PART & set(name.split(".")[:-1])
        if is_use and last not in QUESTIONS and not self.decorating:
            self.add("uses", node, name=name or last, kind="call", guarded=self.guards > 0)
        self.generic_visit(node)

    def loads(self, node, last):
        module = start_of(node.args[0]) if node.args else None
        if module is None or last not in BY_MODULE:
            self.add("opaque", node)
            return
        text, is_whole = module
        level = len(text) - len(text.lstrip("."))
        if is_whole:
            self.add("imports", node, module=text[level:], names=[], level=level)
        else:
            self.add("imports", node, module=text[level:].rpartition(".")[0], names=["**"], level=level)

    def visit_List(self, node):
        """`[sys.executable, "-m", "module"]`"""
        for before, after in zip(node.elts, node.elts[1:]):
            if text_of(before) == "-m" and text_of(after) is not None:
                self.add("imports", after, module=text_of(after), names=["__main__"], level=0)
        self.generic_visit(node)

    visit_Tuple = visit_List

    def visit_Attribute(self, node):
        if node.attr in ("path", "meta_path", "path_hooks") and isinstance(node.value, ast.Name) and node.value.id == "sys":
            self.found["anyRoot"] = True
        self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or "\n" in value:
            return
        if DEVICE.match(value) and not self.decorating:
            self.add("uses", node, name=value, kind="string", guarded=self.guards > 0)
        if value not in self.strings:
            self.strings.add(value)
            self.found["strings"].append({"value": value, "line": node.lineno})


def is_skip(statement):
    if isinstance(statement, ast.Raise):
        return (dotted(statement.exc) or "").endswith("SkipTest")
    return isinstance(statement, ast.Expr) and (dotted(statement.value) or "").split(".")[-1] in ("skip", "skipTest")


def asks(test):
    """Whether a condition asks for hardware."""
    return any(isinstance(one, ast.Attribute) and one.attr in QUESTIONS for one in ast.walk(test))


def facts(path):
    with open(path, "rb") as file:
        source = file.read()
    try:
        tree = ast.parse(source)
        lines = source.decode("utf-8", "replace").splitlines()
        return Facts(tree, lines).found
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"problem": {"line": getattr(error, "lineno", None) or 1, "message": str(getattr(error, "msg", error)) or "cannot be read"}}


def main():
    sys.setrecursionlimit(5000)
    with os.fdopen(3, "w", encoding="utf-8") as answers:
        for line in sys.stdin.buffer:
            path = json.loads(line)
            try:
                found = facts(path)
            except OSError as error:
                found = {"problem": {"line": 1, "message": error.strerror or str(error)}}
            answers.write(json.dumps({"path": path, "facts": found}) + "\n")


main()
