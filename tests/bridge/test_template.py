"""Messages made of events."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.bridge.making import Occurrence, make
from netd.bridge.template import MOST, Template, Unfit
from netd.reaction.actions import Publish, Run, Send

FAN = Send("relay", "main", "fan")
COPY = Publish("custom.copy")


def occurrence(event: object, subject: str = "session.main.greenhouse.temp") -> Occurrence:
    """An event at a time that one can read."""
    return Occurrence(subject, event, 1_800_000_000.0)


class TemplateTests(SynchronousTestCase):
    def made(self, template: str, event: object, target: Any = FAN) -> Any:
        """The content of the message to *target*."""
        return make(target, Template.read(template), {}, occurrence(event)).content

    def test_texts(self) -> None:
        """Values, words of the subject, the time and members stand in braces; doubled braces are braces."""
        for template, event, text in (
            ("on", 31.5, "on"),
            ("{value}", 31.5, "31.5"),
            ("{value:.0f} degrees", 31.5, "32 degrees"),
            ("{value:>6.1f}|", 31.54, "  31.5|"),
            ("{value}", {"value": True}, "true"),
            ("{3}: {value}", 1, "greenhouse: 1"),
            ("{subject} {time}", 1, "session.main.greenhouse.temp 2027-01-15 08:00:00 UTC"),
            ("{state}!", {"state": "firing"}, "firing!"),
            ("{{{value}}}", 5, "{5}"),
            ("{event}", {"a": [1, True]}, '{"a":[1,true]}'),
            ("{value} and more", "off", "off and more"),
        ):
            self.assertEqual(self.made(template, event), text, template)

    def test_values(self) -> None:
        """Under custom, one name alone keeps its type, and what reads as a number is one."""
        for template, event, value in (
            ("{value}", 31.5, 31.5),
            ("{value}", "31.5", "31.5"),
            ("{value}", False, False),
            ("{value:.1f}", 31.54, 31.5),
            ("{value:.1f} C", 31.54, "31.5 C"),
            ("{event}", {"a": 1}, {"a": 1}),
            ("7", None, 7.0),
        ):
            self.assertEqual(self.made(template, event, COPY), value, template)

    def test_arguments(self) -> None:
        """A command takes arguments, each with a value of its own; words of peers stay within theirs."""
        event = {"value": 'x" speed=9', "level": 3}
        arguments = {"note": Template.read("{value}"), "speed": Template.read("{level}"), "place": Template.read("in {3}")}
        parcel = make(Run("main", "spin"), Template.read(""), arguments, occurrence(event))
        self.assertEqual(parcel.content, {"note": 'x" speed=9', "speed": 3, "place": "in greenhouse"})

    def test_unfit(self) -> None:
        """An event without what the template wants is told, with the part that it lacks."""
        for template, event, why in (
            ("{value}", {"state": "x"}, "the event has no value"),
            ("{value}", {"value": [1]}, "the event has no value"),
            ("{9}", 1, "the event has no 9"),
            ("{value:.1f}", "warm", "cannot write 'warm'"),
            ("{value} ", "x" * MOST, "it may have 65536"),
        ):
            with self.assertRaisesRegex(Unfit, why):
                self.made(template, event)

    def test_members_only(self) -> None:
        """Methods and what begins with _ are no parts of an event."""
        sample = FAN  # any object with members and a method's name
        self.assertIsNone(occurrence(sample).part("__class__"))
        self.assertIsNone(occurrence({"value": 1}).part("items"))
        self.assertEqual(occurrence(sample).part("device"), "fan")

    def test_mistakes(self) -> None:
        """What cannot be filled in is refused, with what to write."""
        for written, why in (
            ("{", "Single '{'.* write {value}"),
            ("}", "Single '}'"),
            ("{}", "{} cannot be filled in"),
            ("{value!r}", "{value!r} cannot be filled in"),
            ("{value.__class__}", "cannot be filled in"),
            ("{value[0]}", "cannot be filled in"),
            ("{value:99999d}", "no such format"),
            ("{value:{width}}", "no such format"),
        ):
            with self.assertRaisesRegex(ValueError, why):
                Template.read(written)
