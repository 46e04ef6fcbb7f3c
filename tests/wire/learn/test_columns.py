"""What a column holds, where the whole of the messages tells it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.learn import draft
from tests.wire.learn.recordings import recorded, spoken


def rules(*lines: str) -> list[str]:
    """The rules that are drafted for a program that says *lines*."""
    section = draft(recorded(spoken(lines)), "shed").section
    return [line.strip() for line in section.partition("rules =\n")[2].splitlines() if not line.strip().startswith(";")]


class ColumnTests(SynchronousTestCase):
    def test_a_unit_with_check_digits(self) -> None:
        """Digits of a sum are glued to a unit, and letters in front of one quantity are its states, no channels."""
        found = rules("Z,0000.00,kg78", "S,0012.50,kg77", "S,0012.48,kg7E", "S,0012.49,kg7F")
        self.assertEqual(["sample {},{v1 kg},kg{}"], found)

    def test_check_digits(self) -> None:
        """Hexadecimal digits that are all over the range are those of a check; numbers beside them are decimal."""
        found = rules("W,3.5,166,6F0A", "W,4.1,068,A593", "W,2.2,327,E74F", "W,3.0,143,C3DD", "W,3.3,165,424C", "W,3.9,038,1CE1")
        self.assertEqual(["sample W,{v1},{v2},{}"], found)

    def test_counters_and_clocks(self) -> None:
        """Numbers of messages and the seconds since the start measure nothing; a keyed count does."""
        self.assertEqual(["sample D {} {v1}"], rules("D 1 193", "D 2 190", "D 3 198", "D 5 191"))
        ticking = rules(*(f"{second};{21.0 + second / 10:.1f};180.5" for second in (0, 1, 2, 3, 4, 5, 6, 7)))
        self.assertEqual(["sample {};{v1};{v2}"], ticking)
        self.assertEqual(["sample count={count}"], rules("count=1", "count=2", "count=3", "count=4"))

    def test_words_among_numbers(self) -> None:
        """What was not measured has a rule of its own, with the word; words as such are texts."""
        found = rules("21.5;180.0", "21.6;180.5", "OPEN;181.0", "21.7;181.5", "21.6;182.0")
        self.assertEqual(["sample {v1};{v2}", "sample OPEN;{v1}"], found)

    def test_titles(self) -> None:
        """The first line of a logger names the columns and their units."""
        found = rules("temp [C];hum(%)", "21.5;40", "21.6;41", "21.7;40")
        self.assertEqual(["ignore temp [C];hum(%)", "sample {temp °C};{hum %}"], found)

    def test_letters_and_numbers_without_anything_between(self) -> None:
        """They are taken apart by the letters, if these are the same in each message."""
        said = (":01T+21.0H050", ":02T+18.3H056", ":07T+5.1H053") * 3
        found = rules(*said, ":01E03")
        self.assertEqual(["sample :{name}T{t}H{h}", "event :{name}E{e}"], found[:2])

    def test_texts_in_quotes(self) -> None:
        """A text in quotes is one value, whatever blanks are in it."""
        found = rules('node="north gate" temp=3.1', 'node="hall" temp=18.0', 'node="north gate" temp=3.0')
        self.assertEqual(['sample node="{name}" temp={temp}'], found)
