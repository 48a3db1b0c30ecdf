"""Says what to put into files of tests so that they carry markers: reads their text from standard input, loads nothing of them and changes no
file. A line of input is a list of files; each is answered by one line on file descriptor 3."""

import ast
import base64
import io
import json
import os
import re
import sys
import tokenize
import warnings

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


class Marking:
    """One file. Places are byte offsets into it as it stands; what is put there is ASCII, as every encoding of Python source has it."""

    def __init__(self, raw):
        self.tree = ast.parse(raw)
        self.encoding = tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
        self.bom = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
        self.lines = raw[self.bom :].splitlines(keepends=True)
        self.starts = [self.bom]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.newline = re.search(r"(\r\n|\r|\n|$)", raw.decode("latin-1")).group(1) or "\n"
        self.inserts = []
        body = self.tree.body
        first = next((index for index, node in enumerate(body) if isinstance(node, DEFINITIONS)), len(body))
        self.leading = body[:first]
        self.prefix = next(filter(None, map(mark_name, self.leading)), None)

    def put(self, offset, text):
        self.inserts.append([offset, text])

    def put_before(self, line, texts):
        self.put(self.starts[line - 1], "".join(text + self.newline for text in texts))

    def put_after(self, line, texts):
        text = "".join(text + self.newline for text in texts)
        if not self.lines[line - 1].endswith((b"\n", b"\r")):
            text = self.newline + text[: -len(self.newline)]
        self.put(self.starts[line], text)

    def offset(self, line, column):
        """The parser counts columns in UTF-8."""
        encoding = "utf-8" if self.encoding == "utf-8-sig" else self.encoding
        before = self.lines[line - 1].decode(encoding).encode("utf-8")[:column].decode("utf-8")
        return self.starts[line - 1] + len(before.encode(encoding))

    def is_blank(self, line):
        return line > len(self.lines) or not self.lines[line - 1].strip()

    def mark(self, wishes):
        """The wishes that have no place here."""
        missing = []
        nodes = []
        for wish in wishes:
            found = find(self.tree, wish["names"])
            if wish["names"] and not found:
                missing.append(wish)
            nodes += [(node, wish["tag"]) for node in found if wish["names"] and not self.has_mark(node.decorator_list, wish["tag"])]
        tags = list(dict.fromkeys(wish["tag"] for wish in wishes if not wish["names"]))
        statement = self.module_marks()
        if tags and statement is not None and not self.is_extensible(statement):
            missing += [wish for wish in wishes if not wish["names"]]
            tags = []
        if statement is not None:
            tags = [tag for tag in tags if not self.has_mark(listed(statement.value), tag)]
        if tags or nodes:
            self.add_marks(tags, statement, nodes)
        return missing

    def add_marks(self, tags, statement, nodes):
        known = self.prefix is not None
        self.prefix = self.prefix or "pytest.mark"
        marks = [self.prefix + "." + tag for tag in tags]
        if marks and statement is not None:
            self.extend(statement.value, marks)
            marks = []
        assignment = ["pytestmark = " + (marks[0] if len(marks) == 1 else "[" + ", ".join(marks) + "]")] if marks else []
        if not known:
            self.add_import(assignment)
        elif assignment:
            self.add_assignment(assignment)
        for node, tag in nodes:
            line = first_line(node)
            indentation = re.match(rb"[ \t\f]*", self.lines[line - 1]).group().decode("ascii")
            self.put_before(line, [indentation + "@" + self.prefix + "." + tag])

    def module_marks(self):
        """What gives all tests of the file their marks."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.stmt) and sets_marks(node)]
        inside = {id(part) for outer in self.tree.body if isinstance(outer, DEFINITIONS) for part in ast.walk(outer)}
        found = [node for node in found if id(node) not in inside]
        return found[-1] if found else None

    def has_mark(self, nodes, tag):
        return any(self.is_mark(node) and called(node).attr == tag for node in nodes)

    def is_mark(self, node):
        node = called(node)
        names = ("mark", (self.prefix or "").rpartition(".")[2])
        return isinstance(node, ast.Attribute) and getattr(node.value, "attr", getattr(node.value, "id", None)) in names

    def is_extensible(self, node):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.col_offset != 0:
            return False
        return isinstance(node.value, ast.List) or self.is_mark(node.value)

    def extend(self, value, marks):
        text = ", ".join(marks)
        if not isinstance(value, ast.List):
            self.put(self.offset(value.lineno, value.col_offset), "[")
            self.put(self.offset(value.end_lineno, value.end_col_offset), ", " + text + "]")
        elif not value.elts:
            self.put(self.offset(value.lineno, value.col_offset) + 1, text)
        elif value.elts[0].lineno == value.lineno:
            self.put(self.offset(value.lineno, value.col_offset) + 1, text + ", ")
        else:
            line = value.elts[0].lineno
            indentation = re.match(rb"[ \t\f]*", self.lines[line - 1]).group().decode("ascii")
            self.put_before(line, [indentation + mark + "," for mark in marks])

    def add_assignment(self, assignment):
        last = max(node.end_lineno for node in self.leading if isinstance(node, IMPORTS))
        self.put_after(last, ["", *assignment, *([] if self.is_blank(last + 1) else [""])])

    def add_import(self, assignment):
        body = self.tree.body
        head = [node for node in body[:1] if is_text(node)]
        head += [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        previous = max((node.end_lineno for node in head), default=0)
        following = next(node for node in body if node not in head)
        line = first_line(following)
        if isinstance(following, IMPORTS) and line > previous:
            self.put_before(line, ["import pytest"])
            if assignment:
                self.add_assignment(assignment)
            return
        added = ["import pytest", *(["", *assignment] if assignment else [])]
        if previous:
            self.put_after(previous, ["", *added, *([] if self.is_blank(previous + 1) else ["", ""])])
            return
        # A comment that belongs to the first thing stays with it; one at the very top speaks of the file.
        above = line
        while above > 1 and self.lines[above - 2].lstrip().startswith(b"#"):
            above -= 1
        self.put_before(line if above == 1 else above, [*added, "", ""])


def first_line(node):
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])


def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def mark_name(node):
    """How a file that has this import names `pytest.mark`."""
    if isinstance(node, ast.Import):
        return next(((one.asname or "pytest") + ".mark" for one in node.names if one.name == "pytest"), None)
    if isinstance(node, ast.ImportFrom) and node.module == "pytest" and not node.level:
        return next((one.asname or "mark" for one in node.names if one.name == "mark"), None)
    return None


def find(tree, names):
    nodes = [tree]
    for name in names:
        nodes = [one for node in nodes for one in definitions(node) if one.name == name]
    return nodes


def definitions(node):
    """What stands directly in a module or class, also under a condition."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, DEFINITIONS):
            yield child
        elif not isinstance(child, ast.expr):
            yield from definitions(child)


def called(node):
    return node.func if isinstance(node, ast.Call) else node


def sets_marks(node):
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(one, ast.Name) and one.id == "pytestmark" for one in targets)


def listed(value):
    return value.elts if isinstance(value, ast.List) else [value]


def answer(file):
    try:
        marking = Marking(base64.b64decode(file["content"]))
        missing = marking.mark(file["wishes"])
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"problem": "line %s: %s" % (error.lineno, error.msg) if isinstance(error, SyntaxError) else str(error)}
    return {"inserts": marking.inserts, "missing": missing}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with os.fdopen(3, "w", encoding="utf-8") as answers:
        for one in json.loads(sys.stdin.readline()):
            answers.write(json.dumps(answer(one)) + "\n")
