"""The mutants of a module: every small change that mutmut's operators make to it.

The operators and the choice of what is never changed (annotations, docstrings, decorators, calls of `len` and
`isinstance`) are mutmut's. Two things are left out there and are in here, since nothing here needs a copy of the
function: functions with decorators, and what stands at the level of the module or of a class, such as tables of rules.
Not changed by any operator: text inside f-strings (their expressions are), type annotations, decorators.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import libcst
from libcst._nodes.internal import CodegenState
from libcst.metadata import MetadataWrapper, WhitespaceInclusivePositionProvider
from mutmut.mutation.file_mutation import NEVER_MUTATE_FUNCTION_NAMES, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

MODULE = "<module>"
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. `function` is the qualified name of what it stands in, "<module>" outside of all; `first` and `last`
    are the lines of its statement, `before` and `after` the changed lines. `body` is false where the change can be seen
    by a new import alone: at the level of a module or class, and in the head of a function.
    """

    path: Path
    function: str
    body: bool
    line: int
    first: int
    last: int
    start: int
    end: int
    text: str
    before: str
    after: str
    key: str

    def applied(self, source: str) -> str:
        """The source of the module with the change."""
        return source[: self.start] + self.text + source[self.end :]


class _Visitor(MutationVisitor):
    """Visits functions with decorators as well."""

    def _skip_node_and_children(self, node: libcst.CSTNode) -> bool:
        if isinstance(node, libcst.FunctionDef):
            return node.name.value in NEVER_MUTATE_FUNCTION_NAMES
        return super()._skip_node_and_children(node)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """The mutants of a file, in the order of the source, each different text once; those that do not compile are left
    out.
    """
    source = path.read_text(encoding="utf-8")
    wrapper = MetadataWrapper(libcst.parse_module(source))
    visitor = _Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    spans = wrapper.resolve(WhitespaceInclusivePositionProvider)
    offsets = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    places = Places(source)
    seen = {source}
    for mutation in visitor.mutations:
        span = spans[mutation.original_node]
        start = offsets[span.start.line - 1] + span.start.column
        end = offsets[span.end.line - 1] + span.end.column
        indent = places.indent(start)
        assert source[start:end] == _code(module, mutation.original_node, indent), (path, span)
        mutant = places.mutant(path, start, end, _code(module, mutation.mutated_node, indent))
        changed = mutant.applied(source)
        if changed not in seen and _compiles(changed):
            seen.add(changed)
            yield mutant


def _code(module: libcst.Module, node: libcst.CSTNode, indent: str) -> str:
    state = CodegenState(default_indent=module.default_indent, default_newline=module.default_newline)
    state.increase_indent(indent)
    node._codegen(state)  # noqa: SLF001 - `code_for_node` does this without an indent
    return "".join(state.tokens)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


class Places:
    """Where in a source a change stands: its function, its statement and its lines."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.splitlines(keepends=True)
        tree = ast.parse(source)
        self.statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
        self.definitions = list(_definitions(tree, ""))

    def mutant(self, path: Path, start: int, end: int, text: str) -> Mutant:
        """The mutant that has `text` in place of the characters from `start` to `end`."""
        significant = start + len(self.source[start:end]) - len(self.source[start:end].lstrip())
        line = self.source.count("\n", 0, significant) + 1
        last_line = self.source.count("\n", 0, max(start, end - 1)) + 1
        first, last = self._statement(line)
        function, body, function_source = self._function(line)
        changed = self.source[:start] + text + self.source[end:]
        before = "".join(self.lines[line - 1 : last_line])
        rest = len("".join(self.lines[last_line:]))
        after = changed[len("".join(self.lines[: line - 1])) : len(changed) - rest]
        before, after = _differing(before, after)
        where = start - self.source.index(function_source)
        key = hashlib.sha256(f"{path.name}|{function}|{function_source}|{where}|{text}".encode()).hexdigest()[:20]
        return Mutant(path, function, body, line, first, last, start, end, text, before, after, key)

    def indent(self, start: int) -> str:
        """The indent of the statement that the character at `start` stands in."""
        line = self.lines[self._statement(self._line(start))[0] - 1]
        return line[: len(line) - len(line.lstrip())]

    def _line(self, start: int) -> int:
        return self.source.count("\n", 0, start) + 1

    def _statement(self, line: int) -> tuple[int, int]:
        inner = max((one for one in self.statements if one.lineno <= line <= _end(one)), key=lambda one: one.lineno)
        return inner.lineno, _head_end(inner)

    def _function(self, line: int) -> tuple[str, bool, str]:
        """(qualified name, whether the line is in its body, its source) of the outermost function around a line; for
        what stands in none, the statement at the level of the module.
        """
        for name, node in self.definitions:
            if _start(node) <= line <= _end(node):
                return name, line >= node.body[0].lineno, "".join(self.lines[_start(node) - 1 : _end(node)])
        first, last = self._statement(line)
        return MODULE, False, "".join(self.lines[first - 1 : last])


def _differing(before: str, after: str) -> tuple[str, str]:
    """Both without the lines that they begin and end with in common, and without what is around the text."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return "\n".join(old).strip(), "\n".join(new).strip()


def _definitions(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node, f"{prefix}{node.name}.")


def _start(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _end(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno


def _head_end(node: ast.stmt) -> int:
    """The last line of a simple statement, or of the head of a compound one; all of a `match` and a `try`."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If | ast.For | ast.While | ast.With):
        return max(node.lineno, node.body[0].lineno - 1)
    return _end(node)
