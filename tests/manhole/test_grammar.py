"""What the operator's lines mean."""

from __future__ import annotations

from typing import Any, Literal

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.words import Words
from netd.errors import InvalidArguments, NetdError, NoSuchOperation
from netd.manhole.grammar import Help, Invoke, MenuGrammar, MenuWord
from netd.manhole.rendering import render
from netd.operations import EVERYWHERE, Operation, OperationTable, Role


def send(target: str, text: str | None = None, deadline: float | None = None, wait: bool = True) -> None:
    """Stand for the relay's operation."""


def publish(subject: str, event: Any) -> None:
    """Stand for the bus's operation."""


def tune(count: int, mode: Literal["fast", "slow"] = "fast", sizes: list[int] = [], extra: dict[str, Any] | None = None) -> None:  # noqa: B006
    """An operation with an argument of every other sort."""


@frozen
class Place:
    """An argument with members of its own."""

    x: float


def move(place: Place) -> None:
    """An operation that takes an object."""


def nothing() -> None:
    """An operation without arguments."""


def make_table() -> OperationTable:
    """Operations of two relays, a room and the system."""
    table = OperationTable()
    relay = [
        Operation("relay.send", send, Role.OPERATOR, "Send to a device"),
        Operation("relay.list", nothing, Role.VIEWER, "List the devices"),
        Operation("relay.help", nothing, Role.VIEWER, "A name that the menu has, too"),
    ]
    table.add(relay)
    table.add(relay, "lab2")
    table.add([Operation("room.list", nothing, Role.VIEWER, "List the rooms")])
    table.add([Operation("bus.publish", publish, Role.ADMIN, "Publish"), Operation("feed.tune", tune, Role.ADMIN, "Tune")])
    table.add([Operation("feed.move", move, Role.ADMIN, "Move")])
    return table


def read_as(value: object) -> str:
    """What a person reads of *value*."""
    return render(value, Words(0.0))


class MenuTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.menu = MenuGrammar(make_table())

    def complaint(self, line: str) -> str:
        """What is wrong with *line*."""
        return str(self.assertRaises(NetdError, self.menu.read, line))

    def test_completion(self) -> None:
        """The Tab key completes commands, topics of help and names of arguments; a whole word has its space behind it."""
        self.assertEqual(self.menu.complete("re"), ["relay.help ", "relay.list ", "relay.send "])
        self.assertEqual(self.menu.complete("q"), ["quit "])
        self.assertEqual(self.menu.complete("py"), [])
        self.assertEqual(MenuGrammar(make_table(), True).complete("py"), ["python "])
        self.assertEqual(self.menu.complete("help room"), ["room.list "])
        self.assertEqual(self.menu.complete("relay.send target=x te"), ["text="])
        self.assertEqual(self.menu.complete("send d"), ["deadline="])
        self.assertEqual(self.menu.complete("nonsense "), [])

    def test_own_words(self) -> None:
        """The menu's own commands, an empty line, and spaces around."""
        self.assertEqual(MenuWord.NOTHING, self.menu.read("   "))
        self.assertEqual(MenuWord.QUIT, self.menu.read(" quit "))
        self.assertEqual(MenuWord.PYTHON, self.menu.read("python"))
        self.assertEqual(Help(None), self.menu.read("help"))
        self.assertEqual(Help("send"), self.menu.read("help send"))
        self.assertEqual(Help(None), self.menu.read("?"))
        self.assertEqual(Help("send"), self.menu.read("? send"))

    def test_full_and_short_names(self) -> None:
        """An operation is called by its whole name, or by the end of it where that is enough."""
        wanted = Invoke("relay.send", {"target": "greenhouse", "text": "hello"})
        self.assertEqual(wanted, self.menu.read("relay.send greenhouse hello"))
        self.assertEqual(wanted, self.menu.read("send greenhouse hello"))
        self.assertEqual(Invoke("relay.help", {}), self.menu.read("relay.help"))

    def test_ambiguous_name(self) -> None:
        """A short name that two services share is not guessed."""
        self.assertEqual("'list' can mean relay.list or room.list; write the full name", self.complaint("list"))

    def test_unknown_name(self) -> None:
        """A slip is answered with the nearest name, in a call and in a question for help."""
        for typed, meant in (("relay.sned x", "relay.send"), ("sned x", "send"), ("hepl", "help"), ("quit now", "quit")):
            said = f"no command {typed.split()[0]!r} (did you mean {meant}?); help lists what there is"
            self.assertEqual(said, self.complaint(typed))
        self.assertEqual("no command 'xyzzy'; help lists what there is", self.complaint("xyzzy"))
        self.assertRaises(NoSuchOperation, self.menu.help, "relay.sned")

    def test_quoting(self) -> None:
        """Quotes keep words together; without their partner they are explained."""
        self.assertEqual(Invoke("relay.send", {"target": "a b", "text": "it's"}), self.menu.read("""send 'a b' "it's" """))
        self.assertIn("the quotes do not match", self.complaint("send greenhouse it's"))

    def test_named_arguments(self) -> None:
        """Arguments go by position, by name, or both; the instance is named like any argument."""
        self.assertEqual(
            Invoke("relay.send", {"target": "gh", "text": "a=b", "deadline": 2.5, "instance": "lab2"}),
            self.menu.read("send gh text=a=b deadline=2.5 instance=lab2"),
        )

    def test_equals_sign_in_text(self) -> None:
        """Text with an equals sign is not silently taken for something else: a wrong name is told how to write it as text."""
        self.assertEqual(
            "dedline: relay.send has no such argument (it has target, text, deadline, wait, instance); "
            "text with '=' is written NAME='dedline=5'",
            self.complaint("send gh dedline=5"),
        )
        self.assertEqual(Invoke("relay.send", {"target": "gh", "text": "http://x/?a=b"}), self.menu.read("send gh http://x/?a=b"))

    def test_too_few_and_too_many(self) -> None:
        """The usage is shown to whoever leaves out or adds a word, or says it twice."""
        self.assertEqual("target: is missing; write relay.send target [text] [deadline] [wait]", self.complaint("send"))
        self.assertEqual(
            "'e' is one argument too many: write relay.send target [text] [deadline] [wait]; quote text with spaces",
            self.complaint("send a b 1 true e"),
        )
        self.assertEqual("target: is given twice", self.complaint("send a target=b"))
        self.assertEqual("'x' is one argument too many: write relay.list", self.complaint("relay.list x"))

    def test_text_without_quotes(self) -> None:
        """Who forgets the quotes around several words is told of them, where the next word cannot be taken, too."""
        self.assertTrue(self.complaint("send gh hello there").endswith("; quote text with spaces"))
        self.assertNotIn("quote text", self.complaint("send gh hello deadline=soon"))
        self.assertNotIn("quote text", self.complaint("tune many"))

    def test_values_by_type(self) -> None:
        """Text stays text though it looks like a number; numbers, switches, null, lists and objects are written as in JSON."""
        self.assertEqual(
            Invoke("relay.send", {"target": "7", "text": "null", "deadline": None, "wait": False}),
            self.menu.read("send 7 null null false"),
        )
        self.assertEqual(
            Invoke("feed.tune", {"count": 3, "mode": "slow", "sizes": [1, 2], "extra": {"a": "b"}}),
            self.menu.read("""tune 3 slow "[1, 2]" '{"a": "b"}'"""),
        )

    def test_value_of_any_type(self) -> None:
        """Where anything is taken, JSON is JSON and all else is text."""
        self.assertEqual(Invoke("bus.publish", {"subject": "a", "event": {"x": 1}}), self.menu.read("""publish a '{"x": 1}'"""))
        self.assertEqual(Invoke("bus.publish", {"subject": "a", "event": "hello"}), self.menu.read("publish a hello"))

    def test_wrong_value(self) -> None:
        """A value that cannot be of its type is named with the argument, the type, and examples."""
        complaint = self.complaint("send gh hi soon")
        self.assertTrue(complaint.startswith("deadline: 'soon' is not number or null; write a number, true, "), complaint)
        self.assertIn("deadline: 'NaN' is not", self.complaint("send gh hi NaN"))
        self.assertRaises(InvalidArguments, self.menu.read, f"feed.tune 1 fast {'[' * 2000}")

    def test_list_of_commands(self) -> None:
        """`help` shows every operation with its arguments and what it does, then the menu's own commands."""
        shown = read_as(self.menu.help(None))
        self.assertRegex(shown, r"relay\.send +target \[text\] \[deadline\] \[wait\] \[instance=…\] +Send to a device")
        self.assertRegex(shown, r"room\.list +List")
        self.assertRegex(shown, r"help or \? +\[command\]")
        self.assertRegex(shown, r"quit +Leave\.")

    def test_python_is_listed_where_it_is_on(self) -> None:
        """`help` does not offer a Python prompt that is switched off."""
        self.assertNotIn("python", read_as(self.menu.help(None)))
        self.assertIn("Go to the Python prompt.", read_as(MenuGrammar(make_table(), has_python=True).help(None)))

    def test_instances(self) -> None:
        """`help send` says how another instance is reached, and which one is meant otherwise; where there is one, nothing."""
        shown = read_as(self.menu.help("send"))
        self.assertRegex(shown, r"instance= +lab2 or main +'main'")
        self.assertRegex(read_as(self.menu.help("relay.list")), r"instance= +lab2 or main +'main'")
        self.assertNotIn("instance=", read_as(self.menu.help("room.list")))
        table = OperationTable()
        for instance in ("a", "b"):
            table.add([Operation("relay.list", nothing, Role.VIEWER, "List")], instance)
        self.assertRegex(read_as(MenuGrammar(table).help("list")), r"instance= +a or b +must be given")
        for line in ("send gh hi instance=lab2", "relay.list instance=lab2", "relay.help instance=lab2"):
            command = self.menu.read(line)
            assert isinstance(command, Invoke)
            self.assertEqual("lab2", command.parameters["instance"])

    def test_other_instances(self) -> None:
        """Where else a target may be is told to whoever has not chosen an instance."""
        for line, others in (("send gh", ["lab2"]), ("send gh instance=main", []), ("room.list", [])):
            command = self.menu.read(line)
            assert isinstance(command, Invoke)
            self.assertEqual(others, self.menu.other_instances(command))

    def test_help_on_one(self) -> None:
        """`help send` tells everything about it: role, instances, and each argument's type and default."""
        shown = read_as(self.menu.help("send"))
        self.assertIn("command: relay.send target [text] [deadline] [wait] [instance=…]", shown)
        self.assertIn("role: operator", shown)
        self.assertIn("instances: lab2, main", shown)
        self.assertRegex(shown, r"target +text +must be given")
        self.assertRegex(shown, r"deadline +number or null +None")
        self.assertRegex(shown, r"wait +true or false +True")
        self.assertRegex(read_as(self.menu.help("tune")), r"mode +\"fast\" or \"slow\" +'fast'")
        self.assertRegex(read_as(self.menu.help("publish")), r"event +any JSON or text +must be given")
        self.assertRegex(read_as(self.menu.help("move")), r"place +JSON object +must be given")
        self.assertNotIn("arguments", read_as(self.menu.help("room.list")))

    @given(st.text(max_size=60))
    def test_any_line(self, line: str) -> None:
        """Whatever is typed, the answer is a command or one explanation."""
        try:
            self.menu.read(line)
        except NetdError as error:
            self.assertTrue(str(error))


class NodesTests(SynchronousTestCase):
    """What runs on other nodes is chosen by instance, as what runs here."""

    def setUp(self) -> None:
        self.table = OperationTable()
        for instance in ("main", "main@north", EVERYWHERE):
            self.table.add([Operation("history.query", nothing, Role.VIEWER, "Show the past")], instance)
        self.menu = MenuGrammar(self.table)

    def test_chosen(self) -> None:
        """An instance may name a node."""
        self.assertEqual(Invoke("history.query", {"instance": "main@north"}), self.menu.read("query instance=main@north"))

    def test_everywhere(self) -> None:
        """Of an operation about all nodes, help says so, and no other instance is suggested."""
        [instance] = self.menu.help("history.query")["arguments"]
        self.assertEqual(("main or main@north", "all nodes"), (instance["takes"], instance["when left out"]))
        self.assertEqual([], self.menu.other_instances(Invoke("history.query", {})))
        self.table.remove(EVERYWHERE)
        [instance] = self.menu.help("history.query")["arguments"]
        self.assertEqual("'main'", instance["when left out"])
        self.assertEqual(["main@north"], self.menu.other_instances(Invoke("history.query", {})))
