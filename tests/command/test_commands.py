"""Tests of ``netd.command.commands``: signatures, arguments, and the list of commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.arguments import ArgumentFacts
from netd.codec.jsontext import encode
from netd.command.commands import BadFunctions, Command, Commands
from netd.errors import InvalidArguments
from tests.command.bench import made


def typed(count: int, ratio: float = 0.5, mode: Literal["fast", "slow"] = "fast", names: list[str] | None = None) -> None:
    """Help of typed.

    More of it.
    """


def untyped(anything, more=1) -> None:  # type: ignore[no-untyped-def]
    """Take one argument, and another."""


def set_lamp(level: int) -> None:
    """Take one argument."""


def rest(first: int, **others: Any) -> None:
    """Take whatever comes."""


def interact(data):  # type: ignore[no-untyped-def]
    """Take the whole object, as the old servers did."""


def keyword(*, only: Annotated[int, msgspec.Meta(ge=0)]) -> None:
    """Take what is not negative."""


NAMES = st.sampled_from(("count", "ratio", "mode", "names", "only", "first", "anything", "more", "id", "command_id", "x"))
VALUES = st.sampled_from((None, True, 3, -1, 2.5, "fast", "", [], ["a"], [1], {}, {"a": 1}))


class BindTests(SynchronousTestCase):
    def bind(self, function: Callable[..., Any], options: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
        """The arguments that *function* gets for an object with *members*."""
        return made(function, **(options or {})).bind({"command_id": "x", **members})

    def test_converted(self) -> None:
        """Arguments are converted by their annotations; defaults are filled in."""
        bound = self.bind(typed, count=3, ratio=1, mode="slow")
        self.assertEqual(bound, {"count": 3, "ratio": 1.0, "mode": "slow", "names": None})
        self.assertIsInstance(bound["ratio"], float)

    def test_refused(self) -> None:
        """What is wrong with an argument is said with its name."""
        for members, message in (
            ({}, "count: this argument is missing"),
            ({"count": True}, "count: must be a whole number, not true or false"),
            ({"count": "3"}, "count: must be a whole number, not text"),
            ({"count": 1.5}, "count: must be a whole number, not a fraction"),
            ({"count": 1, "mode": "odd"}, "mode: 'odd' is none of fast, slow"),
            ({"count": 1, "names": [1]}, r"names\[0\]: must be text, not a whole number"),
            ({"count": 1, "cuont": 1}, "cuont: no such argument; there are: count, mode, names, ratio"),
        ):
            with self.assertRaisesRegex(InvalidArguments, message):
                self.bind(typed, **members)

    @given(st.dictionaries(NAMES, VALUES), st.sampled_from(("command_id", "mode", "count", "x")))
    def test_with_and_without_care(self, members: dict[str, Any], named_by: str) -> None:
        """Good arguments, which are bound in one go, are bound as all others are; so are bad ones refused."""
        for function in (typed, untyped, rest, interact, keyword):
            command, outcomes = made(function), []
            for bind in (command.bind, command.bind_with_care):
                try:
                    outcomes.append(bind(members, named_by))
                except InvalidArguments as error:
                    outcomes.append({"error": str(error)})
            self.assertEqual(outcomes[0], outcomes[1])
            self.assertEqual(*({name: type(value) for name, value in bound.items()} for bound in outcomes))

    def test_in_one_go(self) -> None:
        """Good arguments need no care, whatever member names the command, and wherever its name was read."""

        class Careless(Command):
            def bind_with_care(self, members: Mapping[str, Any], named_by: str = "command_id") -> dict[str, Any]:
                raise AssertionError(members)

        command = Careless(**asdict(made(set_lamp), recurse=False, filter=lambda attribute, _value: attribute.init))
        for named_by in ("".join(("command", "_id")), "action"):  # an option's text is another object than the constant
            self.assertEqual(command.bind({named_by: "x", "level": 3}, named_by), {"level": 3})

    def test_untyped(self) -> None:
        """An argument without an annotation takes anything."""
        for value in (None, 1, "x", [1], {"a": 1}):
            self.assertEqual(self.bind(untyped, anything=value), {"anything": value, "more": 1})

    def test_rest(self) -> None:
        """``**others`` takes all other members, but not the protocol's own."""
        self.assertEqual(self.bind(rest, first=1, a=2, id=7), {"first": 1, "a": 2})
        self.assertRaises(InvalidArguments, self.bind, rest, a=2)

    def test_whole_object(self) -> None:
        """A function like the old ``interact(data)`` gets the whole object."""
        whole = {"data": {"command_id": "x", "a": 1}}
        self.assertEqual(self.bind(interact, a=1), whole)

        def annotated(data: dict[str, Any]) -> None: ...

        def bare(data: dict) -> None: ...  # type: ignore[type-arg]

        def named(message): ...  # type: ignore[no-untyped-def]

        self.assertEqual(self.bind(annotated, a=1), whole)
        self.assertEqual(self.bind(bare, a=1), whole)
        self.assertEqual(self.bind(named, {"whole": True}, a=1), {"message": whole["data"]})

    def test_not_the_whole_object(self) -> None:
        """An argument that is only called data is one like others."""

        def typed_(data: list[int]) -> None: ...

        def default(data=None): ...  # type: ignore[no-untyped-def]

        self.assertEqual(self.bind(typed_, data=[1]), {"data": [1]})
        self.assertEqual(self.bind(default, data=[1]), {"data": [1]})
        self.assertEqual(self.bind(interact, {"whole": False}, data=[1]), {"data": [1]})

    def test_constraint(self) -> None:
        """Constraints in annotations count."""
        self.assertEqual(self.bind(keyword, only=3), {"only": 3})
        self.assertRaises(InvalidArguments, self.bind, keyword, only=-1)


class SignatureTests(SynchronousTestCase):
    def test_what_cannot_be_served(self) -> None:
        """A signature that no object can serve is an error that names file, line, command and parameter."""

        def positional(a, /): ...  # type: ignore[no-untyped-def]

        def many(*rest): ...  # type: ignore[no-untyped-def]

        def reserved(id): ...  # type: ignore[no-untyped-def]

        def unknown(a: Nothing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

        def impossible(a: int | BindTests) -> None: ...

        def foreign(a: Path) -> None: ...

        def deep(a: dict[str, list[BindTests]] | None = None) -> None: ...

        def two(a, b): ...  # type: ignore[no-untyped-def]

        for function, options, message in (
            (positional, {}, "a: arguments are given by name"),
            (many, {}, r"\*rest: arguments are given by name"),
            (reserved, {}, "id: the protocol uses this name"),
            (unknown, {}, "name 'Nothing' is not defined"),
            (impossible, {}, "a: no JSON value can be of this type"),
            (foreign, {}, "a: no JSON value can be of this type: JSON has no Path; write one of str, .*, or no annotation"),
            (deep, {}, "a: no JSON value can be of this type: JSON has no BindTests; write one of"),
            (two, {"whole": True}, "exactly one parameter"),
        ):
            place = f"test_commands.py:{function.__code__.co_firstlineno}"
            with self.assertRaisesRegex(BadFunctions, f"{place}: command '{function.__name__}': .*{message}"):
                made(function, **options)

    def test_without_a_place(self) -> None:
        """A callable that is written nowhere is named as it can be."""
        import functools

        self.assertIn("functools.partial", made(functools.partial(typed, count=1), "x").place)


class CommandsTests(SynchronousTestCase):
    def test_describe(self) -> None:
        """The list tells names, help and arguments with their types and defaults, by name."""
        described = Commands([made(typed), made(interact)]).describe()
        self.assertEqual([one.command_id for one in described], ["interact", "typed"])
        self.assertEqual(described[0].more, True)
        self.assertEqual(described[1].help, "Help of typed.\n\nMore of it.")
        self.assertEqual(
            described[1].arguments[:2],
            [
                ArgumentFacts("count", True, {"type": "integer"}),
                ArgumentFacts("ratio", False, {"type": "number"}, 0.5),
            ],
        )
        encode(described)

    def test_default_that_is_no_json(self) -> None:
        """A default that no JSON can say is left out of the list."""

        def odd(a: Any = print) -> None: ...

        self.assertEqual(made(odd).describe().arguments, [ArgumentFacts("a", False, {})])

    def test_one_name_twice(self) -> None:
        """Two functions under one name are an error that names both places."""
        place = f"test_commands.py:{interact.__code__.co_firstlineno}"
        with self.assertRaisesRegex(BadFunctions, rf"{place}: .*'typed' is there already, at .*test_commands.py:\d+; rename"):
            Commands([made(typed), made(interact, "typed")])

    def test_nearest(self) -> None:
        """A misspelled name brings the one that may have been meant."""
        commands = Commands([made(typed)])
        self.assertEqual((commands.nearest("tyepd"), commands.nearest("zzz")), ("did you mean 'typed'?", ""))
        self.assertIs(commands.find("nothing"), None)
