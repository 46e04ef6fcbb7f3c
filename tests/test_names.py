"""One name for one thing: what a search for a class finds is that class, and a state table can be followed by its names."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).resolve().parent.parent

SHARED = {
    "Config": "each kind of service has one in its config.py, where the loader looks for it by this name",
}
"""Names that several classes have, and why they must."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """The path and the tree of each module of the daemon and of the command line.

    The clients are apart: each of them is also shipped as one file that imports nothing of netd, and so names for itself what it
    shares with the daemon.
    """
    for path in sorted(CHECKOUT.glob("netd/**/*.py")):
        name = path.relative_to(CHECKOUT).as_posix()
        if not name.startswith("netd/client/"):
            yield name, ast.parse(path.read_text(encoding="utf-8"), name)


def getattr_by_variable(tree: ast.Module) -> list[int]:
    """The lines on which an object asks itself for an attribute whose name is not written there."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return [
        call.lineno
        for call in calls
        if ast.unparse(call.func) == "getattr"
        and ast.unparse(call.args[0]) == "self"
        and not isinstance(call.args[1], ast.Constant)
    ]


class NameTests(SynchronousTestCase):
    def test_each_class_has_a_name_of_its_own(self) -> None:
        """Whoever reads `RelayState` somewhere finds what it is with one search."""
        places = defaultdict(list)
        for name, tree in modules():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(f"{name}:{node.lineno}")
        repeated = {name: found for name, found in places.items() if len(found) > 1}
        self.assertEqual(set(SHARED), set(repeated), repeated)

    def test_tables_hold_functions(self) -> None:
        """A state table names its actions so that mypy and a reader can follow it, not by strings."""
        by_variable = [f"{name}:{line}" for name, tree in modules() for line in getattr_by_variable(tree)]
        self.assertEqual([], by_variable)

    def test_tables_stand_in_their_machines(self) -> None:
        """Every machine has its table at the same place: `TRANSITIONS`, an attribute of the class, behind what it names."""
        elsewhere = [
            f"{name}:{node.lineno}"
            for name, tree in modules()
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and "TRANSITIONS" in ast.unparse(node).partition("=")[0]
        ]
        self.assertEqual([], elsewhere)

    def test_table_of_strings_is_found(self) -> None:
        """The search itself works: a constant name is harmless, any other is found."""
        found = getattr_by_variable(ast.parse('getattr(self, "name")\ngetattr(self, action)()\ngetattr(self, f"_{action}")()'))
        self.assertEqual([2, 3], found)
