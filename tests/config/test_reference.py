"""The packaged INI and the option reference, rendered from made-up kinds."""

from __future__ import annotations

from pathlib import Path

import attrs
from twisted.trial.unittest import SynchronousTestCase

from netd.config import NetdConfig, SectionConfig, options_of, render_ini, render_markdown, stale_references, write_reference
from tests.config.kinds import KINDS, Oven, Pump, Safe, Scale, configure


def uncommented(ini: str, *starts: str) -> str:
    """*ini* with the semicolon taken off each line that then begins with one of *starts*."""
    lines = (line[1:] if line.startswith(";") and line[1:].startswith(starts) else line for line in ini.splitlines())
    return "\n".join(lines)


class IniTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ini = render_ini(KINDS)

    def test_loads_and_is_the_default(self) -> None:
        """The packaged INI starts what is packaged, at the defaults, without a complaint."""
        sections = configure(self.ini).sections
        state = sections[0].config.state_directory
        expected = [Pump(state_directory=state, node="lab"), Oven(state_directory=state, node="lab")]
        self.assertEqual([section.config for section in sections], expected)

    def test_one_line_switches_a_section_on(self) -> None:
        """Taking the semicolon before [safe] away is all that starts the safe."""
        sections = configure(uncommented(self.ini, "[safe]")).sections
        self.assertEqual([section.name for section in sections], ["pump", "oven", "safe"])
        self.assertEqual(sections[2].config, Safe(state_directory=sections[2].config.state_directory, node="lab"))

    def test_every_default_is_right(self) -> None:
        """Taking the semicolon off every option changes nothing: what is shown is what is in force."""
        names = [f"{name} = " for kind in (NetdConfig, Pump, Oven, Safe) for name in options_of(kind)]
        shown, _, _ = self.ini.partition("\n;[scale]")  # the options of a section that is off would be those of the one before
        text = uncommented(shown, "[safe]", *names)
        plain, spelled_out = configure(uncommented(self.ini, "[safe]")), configure(text)
        self.assertEqual(spelled_out.sections, plain.sections)
        self.assertEqual(spelled_out.netd, plain.netd)
        self.assertFalse([line for line in spelled_out.origin_lines() if line.endswith("; default")])

    def test_text(self) -> None:
        """Each section and option has its help, unit and default above it or on it."""
        for expected in (
            "; netd: every option, its unit and its default.\n",
            "\n; Moves liquids from one flask to another.\n[pump]\n\n",
            "\n; Strokes a minute.\n; (whole number, 1 to 100; live)\n;speed = 10\n",
            "\n; Keeps things.\n;[safe]\n",
            "\n[netd]\n",
            "\n;name = auto\n",
        ):
            self.assertIn(expected, self.ini)

    def test_required(self) -> None:
        """A section that needs what only its user knows is commented out, and the option says so."""
        self.assertIn("\n;[scale]\n\n; Unit of what it says. Required.\n; (text)\n;unit =\n", self.ini)
        self.assertFalse(any(option.default == "" for option in options_of(Scale).values()))

    def test_width(self) -> None:
        """The file reads well in a terminal: long help is in full lines, none of which ends within a word."""
        self.assertLessEqual(max(len(line) for line in self.ini.splitlines()), 110)
        widest = " ".join(["half-open"] * 40)

        @attrs.frozen(kw_only=True)
        class Wordy(SectionConfig):
            __doc__ = widest

        lines = render_ini({"wordy": Wordy}).split("[netd]")[1].splitlines()
        shown = [line.removeprefix("; ") for line in lines if "half" in line]
        self.assertEqual(" ".join(shown), widest)
        self.assertEqual({len(line) for line in shown[:-1]}, {len(" ".join(["half-open"] * 9))})


class MarkdownTests(SynchronousTestCase):
    def test_rows(self) -> None:
        """Each option is a row: format, default, variable, help; a bar in a cell does not break the table."""
        text = render_markdown(KINDS)
        for row in (
            "| `speed` | whole number, 1 to 100 | `10` | `NETD_PUMP_SPEED` | live | Strokes a minute. |",
            "| `mode` | one of gentle, strong | `gentle` | `NETD_PUMP_MODE` | restart | How it pumps: gentle\\|strong. |",
            "| `unit` | text | *required* | `NETD_SCALE_UNIT` | restart | Unit of what it says. |",
        ):
            self.assertIn(f"\n{row}\n", text)

    def test_sections(self) -> None:
        """Each kind has its heading and help, and says whether it runs out of the box."""
        text = render_markdown(KINDS)
        self.assertIn("\n## [pump]\n\nMoves liquids from one flask to another.\n\n|", text)
        self.assertIn("\n## [safe]\n\nKeeps things. The packaged INI carries this section commented out.\n\n|", text)
        self.assertIn("\n## [netd]\n", text)

    def test_head_of_a_table(self) -> None:
        """Options are shown as a table."""
        head = "| option | format | default | environment | change | |\n| --- | --- | --- | --- | --- | --- |\n| `listen` | "
        self.assertIn(head, render_markdown({"pump": Pump}))


class ReferenceFilesTests(SynchronousTestCase):
    def test_written_files_are_not_stale(self) -> None:
        """`make reference` leaves two files that the staleness test accepts, and a changed option makes both stale."""
        root = Path(self.mktemp())
        expected = [root / "etc" / "netd.ini", root / "docs" / "configuration.md"]
        self.assertEqual(stale_references(root, KINDS), expected)
        self.assertEqual(write_reference(root, KINDS), expected)
        self.assertEqual(stale_references(root, KINDS), [])
        self.assertEqual(stale_references(root, {"pump": Oven}), expected)
        self.assertEqual(write_reference(root, {"pump": Oven}), expected)
        self.assertEqual(stale_references(root, {"pump": Oven}), [])

    def test_one_edited_by_hand(self) -> None:
        """A generated file that was edited by hand is stale, and it alone."""
        root = Path(self.mktemp())
        ini, _ = write_reference(root, KINDS)
        ini.write_bytes(ini.read_bytes() + b"\xff")
        self.assertEqual(stale_references(root, KINDS), [ini])
