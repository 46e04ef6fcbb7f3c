"""Each line of ``netd`` in the documentation is one that the command line takes: its command, its options and their values."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import ClassVar

import click

from netd.cli.main import netd
from netd.codec.jsontext import decode, encode
from netd.console.dispatch import describe
from netd.operations import Operation, Role
from netd.testing import make_caller
from tests.cli.fakes import CommandTests
from tests.test_docs import CHECKOUT, pages
from tests.trust.house import House

_FENCED = r"^(?P<fence>```|~~~)(?P<language>\w*)[^\n]*\n(?P<fenced>.*?)^(?P=fence)"
_INDENTED = r"(?<=\n\n)(?P<indented>(?: {4}[^\n]*\n)+)"
_BLOCK = re.compile(f"{_FENCED}|{_INDENTED}", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_ASSIGNED = re.compile(r"[A-Z_]+=.*")
_TYPED = re.compile(r"(?:^|.*[|;&(]) *(?:\$ |sudo |[A-Z_]+=\S+ )*netd ")

PLACEHOLDERS = ("SERVICE", "COMMAND", "VERB")
"""What stands in a line about all commands."""

LOGGED = re.compile(r".*: |.*\{|netd serves again$")
"""Lines of the log, which begin with the same word."""


def shell_commands(line: str) -> Iterator[list[str]]:
    """The words of each simple command of a shell's *line*, without what it redirects."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    is_file = False
    for word in [*lexer, ";"]:
        if is_file:
            is_file = False
        elif set(word) <= set("<>"):
            is_file = True
        elif set(word) <= set("();&|"):
            yield words
            words = []
        else:
            words.append(word)


def lines_of(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """Line number, words behind ``netd``, and whether it is a whole line to type, of each command in a page."""
    prose = text
    for block in _BLOCK.finditer(text):
        prose = prose.replace(block[0], "\n" * block[0].count("\n"), 1)
        first = text.count("\n", 0, block.start("fenced" if block["fence"] else "indented")) + 1
        is_console = block["language"] == "console"
        for number, line in enumerate((block["fenced"] or block["indented"] or "").split("\n"), first):
            if _TYPED.match(line) and (line.startswith("$ ") or not is_console):
                for words in shell_commands(line.rstrip("\\")):
                    while words and (words[0] in ("$", "sudo") or _ASSIGNED.fullmatch(words[0])):
                        del words[0]
                    if words[:1] == ["netd"]:
                        yield number, words[1:], not line.endswith("\\")
    for code in _INLINE.finditer(prose):
        if code[1].startswith("netd ") and not LOGGED.match(code[1]):
            said = re.sub(r"[\[\]…]|(?<=\w)\|[\w|]+|(?<= )[<>] \S+", " ", code[1])
            yield prose.count("\n", 0, code.start()) + 1, shlex.split(said)[1:], False


class CommandLineTests(CommandTests):
    operations: ClassVar[object] = None

    def setUp(self) -> None:
        """Have the operations of a daemon with each kind of section and one of a plugin, in a cluster with another recorder."""
        super().setUp()
        if type(self).operations is None:
            with tempfile.TemporaryDirectory() as folder:
                table = House("loopback", Path(folder)).daemon.system.table
                far = Operation("history.query", lambda: None, Role.VIEWER, "Query", kind="recorder")
                table.add([far], "main@north")
                table.add([Operation("echo.count", lambda: None, Role.VIEWER, "The example of docs/extending.md")])
                type(self).operations = decode(encode(describe(table, make_caller(Role.ADMIN).principal)))
        self.control.answers["system.operations"] = self.operations

    def problem(self, words: list[str], is_whole: bool = True) -> str | None:
        """What the command line says against a command; None if it takes it.

        :param is_whole: whether nothing is left out.
        """
        if any(word in PLACEHOLDERS for word in words):
            return None
        try:
            with redirect_stdout(StringIO()):
                self._parse(words)
        except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
            return None  # of --help, and of a command that shows it by itself
        except (click.MissingParameter, click.BadOptionUsage) as error:
            return error.format_message() if is_whole else None
        except click.ClickException as error:
            said = error.format_message()
            return None if isinstance(error, click.BadParameter) and "does not exist" in said else said
        return None

    def _parse(self, words: list[str]) -> None:
        """Parse as the command does that is called, and call nothing."""
        command: click.Command = netd
        ctx = command.make_context("netd", list(words), obj=self.invocation())
        while isinstance(command, click.Group) and ctx._protected_args:
            name, found, rest = command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
            assert found is not None, "otherwise it has raised an error"
            command = found
            ctx = command.make_context(name, rest, parent=ctx)

    def test_wrong_lines(self) -> None:
        """A command, an option, a value, an operation or an argument that does not exist is found, in whatever notation."""
        page = "\n".join(
            [
                "Text of `netd statsu` and ``netd`` and `netd token add NAME --rule …`; the log says `netd stops: it ends`.",
                "",
                "    $ netd token add ada --role boss    # a comment's word",
                "    curl x | NETD_CONTEXT=lab netd history querry > file; netd devices now",
                "    netd send",
                "",
                "```",
                "netd status --on north && sudo netd device",
                "```",
                "```console",
                "$ netd devices",
                "netd says something",
                "```",
                "`netd device` `netd SERVICE VERB` `netd session start --name …` `netd send [--deadline 5s] a|b text > file`",
            ]
        )
        found = [(number, shlex.join(words), self.problem(words, is_whole) is None) for number, words, is_whole in lines_of(page)]
        good = [
            (8, "status --on north"),
            (11, "devices"),
            (14, "device"),
            (14, "SERVICE VERB"),
            (14, "session start --name"),
            (14, "send --deadline 5s a text"),
        ]
        bad = [(1, "statsu"), (1, "token add NAME --rule"), (3, "token add ada --role boss"), (4, "history querry")]
        bad += [(4, "devices now"), (5, "send"), (8, "device")]
        self.assertEqual(sorted([*((*one, True) for one in good), *((*one, False) for one in bad)]), sorted(found))

    def test_pages(self) -> None:
        """Every command of every page exists, with its options and values."""
        wrong = [
            f"{page.relative_to(CHECKOUT)}:{number}: netd {shlex.join(words)}: {said}"
            for page in pages()
            if page.parent.name != "newsfragments"  # what they tell of may be gone
            for number, words, is_whole in lines_of(page.read_text(encoding="utf-8"))
            if (said := self.problem(words, is_whole)) is not None
        ]
        self.assertEqual([], wrong, "\n".join(wrong))
