"""The ways to call an operation by typing: the command line, the menu of the manhole, and its Python prompt."""

from __future__ import annotations

import ast
import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from netd.cli.text import as_commands
from netd.codec.words import is_page
from netd.operations import Role
from tests.contract.cases import Case, Code, Fault
from tests.contract.drivers import Driver, Outcome
from tests.contract.patterns import Holding, Octets, Saying
from tests.contract.world import PASSWORD, USER, World
from tests.process import PATIENCE, environment

__all__ = ["CommandLine", "ManholeMenu", "ManholePrompt", "RemoteCommandLine"]

EXITS: Mapping[Code, int] = {
    Code.INVALID_ARGUMENTS: 2,
    Code.NO_SUCH_OPERATION: 3,
    Code.NO_SUCH_TARGET: 3,
    Code.FAILED: 1,
    Code.NOT_PERMITTED: 1,
    Code.OUTDATED: 1,
}

CLASSES: Mapping[Code, str] = {
    Code.INVALID_ARGUMENTS: "InvalidArguments",
    Code.FAILED: "OperationFailed",
    Code.NO_SUCH_TARGET: "NoSuchTarget",
    Code.NOT_PERMITTED: "NotPermitted",
    Code.OUTDATED: "Outdated",
}


CALLED_BACK = " called back: "
"""How the Python prompt tells the result of a Deferred."""


def written(value: Any) -> str:
    """*value* as people type it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


class CommandLine(Driver):
    """``netd SERVICE VERB … --json``, a process for each call: its exit status, and its result or what it said."""

    takes_tokens = False

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it."""
        return self.run(*operation.split(".", 1), *self._words(operation, dict(arguments)))

    def run(self, *words: str) -> Outcome:
        """Run ``netd --json`` with these words."""
        command = [sys.executable, "-c", "from netd.cli.main import main; main()", *self.place(), "--json", *words]
        # What these processes reach of netd is measured by the tests of netd.cli; here, it would take most of the time.
        env = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
        ended = subprocess.run(
            command,
            cwd=self.world.folder,
            env={**env, "XDG_CONFIG_HOME": str(self.world.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if ended.stdout:
            return {"status": ended.returncode, "result": json.loads(ended.stdout)}
        return {"status": ended.returncode, "text": ended.stderr.rstrip().rpartition("Error: ")[2]}

    def place(self) -> tuple[str, ...]:
        """The options that say which daemon is meant."""
        return ("--state", str(self.world.state))

    def close(self) -> None:
        """Each process has ended."""

    def as_done(self, case: Case, result: Any) -> Outcome:
        """With the exit status."""
        return {"status": case.exit, "result": result}

    def as_fault(self, fault: Fault) -> Outcome:
        """An exit status, and a line that says what to type."""
        return {"status": EXITS[fault.code], "text": ... if fault.is_form else as_commands(fault.text)}

    def _words(self, operation: str, arguments: dict[str, Any]) -> Iterator[str]:
        """Arguments that must be given by position, all others by name."""
        known = {argument["name"]: argument for argument in self.world.operations[operation]["arguments"]}
        for argument in known.values():
            if argument["required"] and argument["name"] in arguments:
                yield written(arguments.pop(argument["name"]))
        for name, value in arguments.items():
            option = name.replace("_", "-")
            if name in known and known[name]["schema"].get("type") == "boolean":
                yield f"--{option}" if value else f"--no-{option}"
            else:
                yield from (f"--{option}", written(value))


class RemoteCommandLine(CommandLine):
    """The same through the gateway: with a context, and the token in a file."""

    takes_tokens = True

    def place(self) -> tuple[str, ...]:
        """See :class:`CommandLine`."""
        name = "nobody" if self.token is None else self.role.name.lower()
        file = self.world.folder / "netd" / "contexts.json"
        contexts = json.loads(file.read_text(encoding="utf-8"))["contexts"] if file.exists() else {}
        if name not in contexts:
            token = {} if self.token is None else {"token_file": str(self.world.token_file(self.role))}
            contexts[name] = {"url": self.world.url, **token}
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps({"used": None, "contexts": contexts}), encoding="utf-8")
        return ("--context", name)


class Telnet:
    """A terminal at the manhole, logged in."""

    def __init__(self, world: World) -> None:
        self._connection = socket.create_connection(("127.0.0.1", world.port("manhole")), PATIENCE)
        self._shown = ""
        self.read("login: ")
        self.type(USER, "password: ")
        self.type(PASSWORD, "netd> ")

    def type(self, line: str, prompt: str) -> str:
        """Type *line*; what is shown from then on to the next *prompt*."""
        self._connection.sendall(line.encode() + b"\r\n")
        return self.read(prompt)

    def read(self, prompt: str) -> str:
        """What is shown up to *prompt*, at which it waits."""
        while not self._shown.endswith(prompt):
            received = self._connection.recv(1 << 16)
            assert received, f"the manhole hung up after {self._shown!r}"
            received = re.sub(rb"\xff[\xfb-\xfe].", b"", received)  # whether to show what is typed
            self._shown += received.decode().replace("\r\n", "\n")
        shown, self._shown = self._shown.removesuffix(prompt), ""
        return shown

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Manhole(Driver):
    """One who has logged in at the manhole; as that takes long, once for all tests of a world."""

    takes_tokens = False

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        kept = world.kept.get(type(self))
        if kept is None:
            kept = world.kept[type(self)] = Telnet(world)
            self.prepare(kept)
        self.telnet: Telnet = kept

    def prepare(self, telnet: Telnet) -> None:
        """Do what is needed once."""

    def close(self) -> None:
        """Stay logged in."""


class ManholeMenu(Manhole):
    """The menu: ``relay.send target=lamp text=on``. What it shows is for people, so that only its words are looked at."""

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it."""
        words = [shlex.quote(f"{name}={written(value)}") for name, value in arguments.items()]
        return {"shown": self.telnet.type(" ".join([operation, *words]), "netd> ")}

    def as_done(self, _case: Case, result: Any) -> Outcome:
        """Each word that is known beforehand."""
        return {"shown": Saying(("", *words_of(result)))}

    def as_fault(self, fault: Fault) -> Outcome:
        """One line."""
        return {"shown": re.compile(r"error: .+\n") if fault.is_form else f"error: {fault.text}\n"}


def words_of(pattern: Any) -> Iterator[str]:
    """The names and texts in *pattern*."""
    if isinstance(pattern, str):
        yield pattern
    elif isinstance(pattern, Mapping) and is_page(pattern):
        yield from words_of(pattern["rows"])
    elif isinstance(pattern, Mapping):
        yield from pattern
        for one in pattern.values():
            yield from words_of(one)
    elif isinstance(pattern, list):
        for one in pattern:
            yield from words_of(one)
    elif isinstance(pattern, Holding):
        yield from words_of(pattern.item)
    elif isinstance(pattern, Octets):
        yield from re.findall(r"[ -~]+", pattern.content.decode("latin-1"))


class ManholePrompt(Manhole):
    """The Python prompt: ``netd.relay.send(target="lamp", text="on")``, and the class of what it raises."""

    TELL: ClassVar[str] = """
from twisted.internet.defer import Deferred
from netd.codec.jsontext import encode

def done(value):
    return encode({"result": value}).decode()

def failed(error):
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return encode({"kinds": kinds, "text": str(error)}).decode()

def tell(call):
    try:
        value = call()
    except Exception as error:
        return failed(error)
    if isinstance(value, Deferred):
        return value.addCallbacks(done, lambda why: failed(why.value))
    return done(value)

"""

    def prepare(self, telnet: Telnet) -> None:
        """Have results told as JSON."""
        telnet.type("python", ">>> ")
        for block in self.TELL.strip().split("\n\n"):
            for line in block.split("\n"):
                telnet.type(line, " ")
            telnet.type("", ">>> ")

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it."""
        shown = self.telnet.type(f"tell(lambda: netd.{operation}(**{dict(arguments)!r}))", ">>> ")
        if shown.startswith("<Deferred #"):
            if CALLED_BACK not in shown:  # which may have come together with the prompt before it
                shown = self.telnet.read(">>> ")
            shown = shown.partition(CALLED_BACK)[2]
        told: Outcome = json.loads(ast.literal_eval(shown.strip()))
        return told

    def as_fault(self, fault: Fault) -> Outcome:
        """What was raised."""
        return {"kinds": Holding(CLASSES[fault.code]), "text": fault.text}
