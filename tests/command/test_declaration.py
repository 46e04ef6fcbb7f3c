"""Tests of ``netd.command.declaration``: what ``@command`` notes."""

from __future__ import annotations

import functools
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.command import command
from netd.command.declaration import Declaration, declarations_in


def run(source: str) -> dict[str, Any]:
    """The namespace of a module with *source*."""
    namespace: dict[str, Any] = {"command": command, "functools": functools}
    exec(source, namespace)
    return namespace


class DeclarationTests(SynchronousTestCase):
    def ids(self, source: str) -> list[str]:
        """The ``command_id`` of each declaration in a module with *source*."""
        return [declaration.command_id for declaration in declarations_in(run(source))]

    def test_function_stays_what_it_is(self) -> None:
        """A function that programs may run can be called as before."""

        @command("double", blocking=True, whole=False)
        def double(number: int) -> int:
            return 2 * number

        self.assertEqual(double(2), 4)
        self.assertIn(Declaration("double", double, True, False), list(declarations_in({"double": double})))

    def test_order(self) -> None:
        """Commands are found in the order in which they are written; functions that are none are left alone."""
        self.assertEqual(self.ids("@command('b')\ndef b(): ...\ndef c(): ...\n@command('a')\ndef a(): ...\n"), ["b", "a"])

    def test_several_names(self) -> None:
        """One function may have several names."""
        self.assertEqual(self.ids("@command('a')\n@command('b')\ndef f(): ...\n"), ["b", "a"])

    def test_hidden_function(self) -> None:
        """A function that a later one of the same name hides is found all the same: that is a mistake to be told."""
        self.assertEqual(self.ids("@command('a')\ndef f(): ...\n@command('a')\ndef f(): ...\n"), ["a", "a"])

    def test_imported(self) -> None:
        """What a module imports from another is served as its own; each function once."""
        there = run("@command('a')\ndef f(): ...\n")
        self.assertEqual([one.command_id for one in declarations_in({"f": there["f"], "g": there["f"], "x": 3})], ["a"])

    def test_without_parentheses(self) -> None:
        """``@command`` without a name is an error that shows how to write it; so is a name that cannot be."""
        for source in ("@command\ndef f(): ...", "@command('')\ndef f(): ...", "@command('x' * 201)\ndef f(): ...", "command(3)"):
            with self.assertRaisesRegex(TypeError, r'write @command\("name"\)'):
                run(source)

    def test_role(self) -> None:
        """A command says who may run it; a role that there is not is a mistake."""
        [one] = declarations_in(run("@command('a', role='admin')\ndef f(): ...\n"))
        self.assertEqual("admin", one.role)
        with self.assertRaisesRegex(TypeError, "role: 'root' is none of viewer, operator, admin"):
            run("@command('a', role='root')\ndef f(): ...\n")

    def test_under_another_decorator(self) -> None:
        """Above another decorator, what that one made is run."""
        source = (
            "def loud(f):\n    @functools.wraps(f)\n    def g():\n        return f() + '!'\n    return g\n"
            "@command('a')\n@loud\ndef f():\n    return 'a'\n"
        )
        [declaration] = declarations_in(run(source))
        self.assertEqual(declaration.function(), "a!")

    def test_anything_else_in_the_module(self) -> None:
        """Objects that answer to any attribute are not taken for commands."""

        class Obliging:
            def __getattr__(self, name: str) -> Any:
                return ("x",)

            def __call__(self) -> None: ...

        self.assertEqual(list(declarations_in({"any": Obliging()})), [])
