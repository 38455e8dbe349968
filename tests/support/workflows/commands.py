"""The commands that workflows give Temporal, as their source states them.

A replay knows only what happened in a recorded history. This reads the source: which commands each entry point of a
workflow (its run, a signal, an update) gives, in the order of the source, through all functions that it calls.
What a `workflow.patched` gate guards is left out, since running workflows without that patch do not take that way.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.paths import PROJECT, RELEASE_HISTORIES

COMMANDS_FILE: Final = "commands.json"
RECORD_COMMAND: Final = "python -m tests.support.workflows.commands"

COMMANDS: Final = frozenset(
    {
        "continue_as_new",
        "deprecate_patch",
        "execute_activity",
        "execute_activity_method",
        "execute_child_workflow",
        "execute_local_activity",
        "execute_local_activity_method",
        "sleep",
        "start_activity",
        "start_activity_method",
        "start_child_workflow",
        "start_local_activity",
        "start_local_activity_method",
        "upsert_memo",
        "upsert_search_attributes",
        "uuid4",
    }
)
"""Functions of `temporalio.workflow` that are commands, or take from the random numbers of the run."""

HANDLE_COMMANDS: Final = frozenset({"cancel", "signal"})
"""Methods of handles that are commands."""

ENTRY_POINTS: Final = frozenset({"run", "init", "signal", "update"})

type Function = ast.FunctionDef | ast.AsyncFunctionDef
type Commands = dict[str, dict[str, list[str]]]


def list_commands(sources: Mapping[str, str]) -> Commands:
    """Return the commands of each entry point of each workflow.

    `sources` holds the text of each module of the package `workflows`, by its name.
    """
    package = _Package({name: ast.parse(text) for name, text in sources.items()})
    return {
        class_.name: dict(
            sorted(
                (name, commands)
                for name, function in package.methods(class_).items()
                if _is_entry_point(function.node)
                and (commands := list(package.follow(function, ())))
            )
        )
        for class_ in package.workflows()
    }


def read_sources() -> dict[str, str]:
    """Return the modules of the package `workflows`."""
    return {file.stem: file.read_text() for file in sorted((PROJECT / "workflows").glob("*.py"))}


@dataclass(frozen=True)
class _Function:
    """A function or method, with the module and the class that define it."""

    node: Function
    module: str
    class_: ast.ClassDef | None = None


@dataclass
class _Package:
    """All modules of `workflows`, and who calls whom in them."""

    modules: dict[str, ast.Module]
    classes: dict[str, tuple[str, ast.ClassDef]] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = {
            node.name: (module, node)
            for module, tree in self.modules.items()
            for node in tree.body
            if isinstance(node, ast.ClassDef)
        }

    def workflows(self) -> Iterator[ast.ClassDef]:
        """Yield the classes that `workflow.defn` decorates."""
        for _, (_, class_) in sorted(self.classes.items()):
            if any("workflow.defn" in ast.unparse(item) for item in class_.decorator_list):
                yield class_

    def methods(self, class_: ast.ClassDef) -> dict[str, _Function]:
        """Return the methods of a class by name, those of its bases included."""
        methods = dict[str, _Function]()
        for base in class_.bases:
            if isinstance(base, ast.Name) and base.id in self.classes:
                methods |= self.methods(self.classes[base.id][1])
        module = self.classes[class_.name][0]
        for node in class_.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                methods[node.name] = _Function(node, module, class_)
        return methods

    def follow(self, function: _Function, callers: tuple[Function, ...]) -> Iterator[str]:
        """Yield the commands of a function and of all that it calls."""
        if function.node not in callers:
            for node in function.node.body:
                yield from self._visit(node, function, (*callers, function.node))

    def _visit(
        self, node: ast.AST, function: _Function, callers: tuple[Function, ...]
    ) -> Iterator[str]:
        for child in _children_before_patch(node):
            yield from self._visit(child, function, callers)
        called = self._resolve(node, function)
        if called:
            yield from self.follow(called, callers)
        elif isinstance(node, ast.Attribute) and ast.unparse(node).split(".")[0].endswith(
            "Activities"
        ):
            yield ast.unparse(node)
        elif isinstance(node, ast.Call) and (command := _name_command(node)):
            yield command

    def _resolve(self, node: ast.AST, function: _Function) -> _Function | None:
        """Return the function of the package to which an expression refers."""
        if isinstance(node, ast.Name):
            return self._find_function(function.module, node.id)
        if not isinstance(node, ast.Attribute):
            return None
        owner = ast.unparse(node.value)
        if owner in ("self", "super()") and function.class_:
            return self.methods(function.class_).get(node.attr)
        if owner in self.modules:
            return self._find_function(owner, node.attr)
        found = [
            method
            for _, class_ in self.classes.values()
            if (method := self.methods(class_).get(node.attr)) and method.class_ is class_
        ]
        return found[0] if len(found) == 1 and owner != "workflow" else None

    def _find_function(self, module: str, name: str) -> _Function | None:
        """Return a function that a module defines, or imports from the package."""
        for node in ast.walk(self.modules[module]):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workflows."):
                origin = (node.module or "").removeprefix("workflows.")
                if origin in self.modules and name in {alias.name for alias in node.names}:
                    return self._find_function(origin, name)
        for top in self.modules[module].body:
            if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef) and top.name == name:
                return _Function(top, module)
        return None


def _children_before_patch(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node that run without the patch that it may ask for."""
    if isinstance(node, ast.If | ast.IfExp) and "workflow.patched(" in ast.unparse(node.test):
        is_negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        branch = node.body if is_negated else node.orelse
        yield from branch if isinstance(branch, list) else (branch,)
    else:
        yield from ast.iter_child_nodes(node)


def _name_command(call: ast.Call) -> str:
    """Return the command that a call gives, with what it starts; empty if none."""
    if not isinstance(call.func, ast.Attribute):
        return ""
    name = call.func.attr
    if ast.unparse(call.func.value) != "workflow":
        return f"handle.{name}" if name in HANDLE_COMMANDS else ""
    if name == "wait_condition":
        has_timer = any(keyword.arg == "timeout" for keyword in call.keywords)
        return "wait_condition with a timeout" if has_timer else ""
    if name not in COMMANDS:
        return ""
    return f"{name} {ast.unparse(call.args[0])}" if name.startswith("start_child") else name


def _is_entry_point(node: Function) -> bool:
    names = {ast.unparse(item).split("(")[0] for item in node.decorator_list}
    return bool(names & {f"workflow.{name}" for name in ENTRY_POINTS})


def record(folder: Path) -> None:
    """Write the commands of today's source beside the histories in `folder`."""
    commands = list_commands(read_sources())
    (folder / COMMANDS_FILE).write_text(json.dumps(commands, indent=1) + "\n")


if __name__ == "__main__":
    record(RELEASE_HISTORIES)
