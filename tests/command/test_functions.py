"""Tests of ``netd.command.functions`` and ``config``: where functions come from, and what is said when they are broken."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.command.commands import BadFunctions
from netd.command.config import Config
from netd.command.functions import load_functions
from netd.command.trial import objection
from netd.config import parse
from netd.errors import ConfigErrors, InvalidArguments
from netd.paths import packaged

GOOD = 'from netd.command import command\n\n\n@command("a")\ndef a():\n    """Help."""\n'


class FolderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        before, path = set(sys.modules), list(sys.path)

        def restore() -> None:
            for name in set(sys.modules) - before:
                del sys.modules[name]
            sys.path[:] = path

        self.addCleanup(restore)

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


class TrialTests(FolderTests):
    """Real processes, because only running shows what a program does."""

    def objection(self, *texts: str) -> str:
        """What is said of files with these texts."""
        return objection([self.write(f"functions{place}.py", text) for place, text in enumerate(texts)])

    def test_good(self) -> None:
        """Functions that load are good, whatever they print, and whatever threads they start; nothing is written beside them."""
        talkative = "import threading, time\nprint('hello')\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
        self.assertEqual("", self.objection(talkative + GOOD))
        self.assertEqual(["functions0.py"], [path.name for path in self.folder.iterdir()])

    def test_broken(self) -> None:
        """What the start would say of functions that do not load is said, and nothing of them is left in this process."""
        for text, why in (
            ("import a_module_that_nobody_has\n", "functions0.py:1: ModuleNotFoundError"),
            ("\n1 / 0\n", "functions0.py:2: ZeroDivisionError"),
            ("x = 1\n", "functions0.py: no function in it is a command"),
        ):
            self.assertIn(why, self.objection(text))
        self.assertEqual([], [name for name in sys.modules if "functions0" in name])

    def test_one_name_twice(self) -> None:
        """Two files that offer one name are refused."""
        self.assertIn("command 'a' is there already", self.objection(GOOD, GOOD))

    def test_process_that_ends(self) -> None:
        """A program that ends the process that loads it is no file of functions."""
        self.assertIn("ends the process that loads it, with status 3", self.objection("import os\nos._exit(3)\n"))


class LoadTests(FolderTests):
    def complaint(self, source: Path | str) -> str:
        """Why *source* cannot be used."""
        return str(self.assertRaises(BadFunctions, load_functions, [source]))

    def test_file(self) -> None:
        """Functions of a file are found; nothing is written beside it."""
        [command] = load_functions([self.write("commands.py", GOOD)]).commands
        self.assertEqual((command.command_id, command.help), ("a", "Help."))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["commands.py"])

    def test_file_is_run_once(self) -> None:
        """Two services with one file share what is in it: there is only one lamp."""
        path = self.write("commands.py", GOOD)
        self.assertIs(load_functions([path]).commands[0].function, load_functions([path]).commands[0].function)

    def test_beside_it(self) -> None:
        """A file can import what lies beside it, and have classes that look for their module."""
        self.write("lamp_of_a_test.py", "BRIGHT = 3\n")
        text = GOOD + "import dataclasses, lamp_of_a_test\n@dataclasses.dataclass\nclass C:\n    a: 'int' = 1\n"
        self.assertEqual(len(load_functions([self.write("commands.py", text)]).commands), 1)

    def test_module(self) -> None:
        """A module is named as one imports it."""
        self.write("lab_of_a_test.py", GOOD)
        sys.path.append(str(self.folder))
        [command] = load_functions(["lab_of_a_test"]).commands
        self.assertEqual(command.command_id, "a")

    def test_module_that_has_changed(self) -> None:
        """A module whose file has changed is imported anew, however soon; a broken one leaves the one before in its place."""
        path = self.write("changes_of_a_test.py", GOOD)
        sys.path.append(str(self.folder))
        before = load_functions(["changes_of_a_test"])
        self.assertTrue(before.is_current(["changes_of_a_test"]))
        later = path.stat().st_mtime_ns
        for text in (GOOD.replace('"a"', '"b"'), "raise ValueError"):
            later += 1
            path.write_text(text)
            os.utime(path, ns=(later, later))
            self.assertFalse(before.is_current(["changes_of_a_test"]))
            if "raise" not in text:
                [command] = load_functions(["changes_of_a_test"]).commands
                self.assertEqual((command.command_id, before.commands[0].command_id), ("b", "a"))
        self.assertRaises(BadFunctions, load_functions, ["changes_of_a_test"])
        self.assertIs(sys.modules["changes_of_a_test"].__dict__["a"], command.function)

    def test_broken_file(self) -> None:
        """What is wrong with a file is said with its line: Python's own words, and no traceback."""
        for text, message in (
            ("x = 1\ndef (\n", "2: invalid syntax"),
            (GOOD + "import nothing_of_the_kind\n", "7: ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
            (GOOD + "\n\ndef f():\n    1 / 0\n\n\nf()\n", "10: ZeroDivisionError: division by zero"),
            (GOOD + "import json\njson.loads('')\n", "8: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
            (GOOD + "raise SystemExit(3)\n", "7: SystemExit: 3"),
            (GOOD + "raise KeyboardInterrupt\n", "7: KeyboardInterrupt: "),
            (GOOD + "class E(Exception):\n    __str__ = None\nraise E\n", "9: E: (its text cannot be made)"),
            (GOOD + "exec('(')\n", "1: SyntaxError: '(' was never closed (<string>, line 1)"),
        ):
            path = self.write("commands.py", text)
            self.assertIn(message, self.complaint(path))
            self.assertNotIn("\n", self.complaint(path))
        self.assertIn("null bytes", self.complaint(self.write("x.py", "\0")))
        self.assertIn("deep.py: not Python", self.complaint(self.write("deep.py", "-" * 200_000 + "1")))
        self.assertIn(f"{self.folder / 'no.py'}: No such file", self.complaint(self.folder / "no.py"))

    def test_no_function(self) -> None:
        """A file without a command says how one is made."""
        self.assertIn('write @command("name") above one', self.complaint(self.write("commands.py", "def f(): ...\n")))

    def test_broken_module(self) -> None:
        """A module that is not there says so; one that is broken is named with its line."""
        sys.path.append(str(self.folder))
        self.assertIn("nothing.of.it: no such module", self.complaint("nothing.of.it"))
        path = self.write("broken_of_a_test.py", "\n1 / 0\n")
        self.assertEqual(self.complaint("broken_of_a_test"), f"{path}:2: ZeroDivisionError: division by zero")
        path = self.write("broken_too.py", "\n\nimport nothing_of_it\n")
        self.assertIn(f"{path}:3: ModuleNotFoundError", self.complaint("broken_too"))
        path = self.write("broken_three.py", "\n(\n")
        self.assertIn(f"{path}:2: SyntaxError", self.complaint("broken_three"))

    def test_bad_declaration(self) -> None:
        """``@command`` without a name is named with its line."""
        path = self.write("commands.py", "from netd.command import command\n@command\ndef f(): ...\n")
        self.assertIn(f"{path}:2: TypeError: write @command", self.complaint(path))


class ConfigTests(FolderTests):
    def read(self, functions: str = "") -> Any:
        """The section of an INI in the folder."""
        text = f"[command]\n{functions}\n"
        [section] = parse(text, "netd.ini", {"command": Config}, {}, 1000, "host", self.folder).sections
        return section.config

    def problem(self, functions: str) -> str:
        """What is wrong with it."""
        return str(self.assertRaises(ConfigErrors, self.read, functions))

    def test_relative(self) -> None:
        """Files are relative to the INI, absolute ones are not, and modules are names."""
        path = self.write("mine.py", GOOD)
        config = self.read(f"functions = ./mine.py, lab.commands, {path}")
        self.assertEqual(config.sources(), (path, "lab.commands", path))

    def test_auto(self) -> None:
        """Without a word, it is commands.py beside the INI; where there is none, the example that comes with netd."""
        self.assertEqual(self.read().sources(), (packaged("commands.py"),))
        path = self.write("commands.py", GOOD)
        self.assertEqual(self.read().sources(), (path,))

    def test_example(self) -> None:
        """The example that comes with netd can be loaded, and holds what the documentation says."""
        ids = {command.command_id for command in load_functions(self.read().sources()).commands}
        self.assertEqual(ids, {"test_command", "add", "wait"})

    def test_broken(self) -> None:
        """Every file that is not there, or is no Python, is told, with the path that was looked for; nothing of it is run."""
        missing, path = self.folder / "no.py", self.write("bad.py", "raise SystemExit\n(\n")
        no_file = f"{missing}: No such file or directory; `functions` names files, relative to the INI, and modules"
        no_python = f"{path}:2: '(' was never closed"
        self.assertEqual(f"{no_file}; {no_python}", objection(self.read("functions = ./no.py, ./bad.py").sources()))
        for source, why in ((missing, no_file), (path, no_python)):
            self.assertEqual(why, str(self.assertRaises(BadFunctions, load_functions, [source])))

    def test_misspelled(self) -> None:
        """What is neither file nor module is a mistake with its line."""
        self.assertIn("netd.ini:2: [command] functions: 'my file' is neither a file", self.problem("functions = my file"))
        self.assertIn("'a' is given twice", self.problem("functions = a, a"))

    def test_names(self) -> None:
        """The members that may name a command are chosen here, but for the one that is the protocol's own."""
        self.assertEqual(self.read().name_member, ("command_id", "command", "action"))
        self.assertEqual(self.read("name_member = cmd, command_id").name_member, ("cmd", "command_id"))
        self.assertIn("`id` asks for a kept connection", self.problem("name_member = command_id, id"))


class PackagedTests(FolderTests):
    def test_wait(self) -> None:
        """However long a program asks the example to wait, it waits no longer than a minute, or says why not."""
        commands = {command.command_id: command for command in load_functions([packaged("commands.py")]).commands}
        wait = commands["wait"].function
        self.assertEqual("waited for 0 s", wait(seconds=0))
        for seconds in (-1, -0.001, 60.1, 1e300, float("inf"), float("-inf"), float("nan"), 10**400):
            self.assertIn("is not from 0 to 60", str(self.assertRaises(InvalidArguments, wait, seconds=seconds)))
