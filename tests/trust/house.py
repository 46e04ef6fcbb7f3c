"""A whole daemon on the workbench, with a credential for each column of the page, and programs at any address."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock

from netd.config import parse
from netd.daemon import assemble
from netd.kinds import find_kinds
from netd.operations import Operation
from netd.principal import Action
from netd.secrets.token_file import add_token, remove_token
from netd.secrets.tokens import TOKENS
from netd.testing import Connection, connect, run_now
from tests.trust.people import CONFINED, OWN, SENDS, WORDS

__all__ = ["HERE", "PEER_HOST", "STRANGER", "WIRES", "House", "opened"]

HERE, PEER_HOST, STRANGER = "127.0.0.1", "10.0.0.7", "203.0.113.9"

WIRES = ("relay", "session", "feed", "command", "room", "wire")

FUNCTIONS = """
from netd.command import command

@command("door-lock")
def plain(): return "done"

@command("window")
def other(): return "done"

@command("looked", role="viewer")
def looked(): return "done"

@command("swept", role="admin")
def swept(): return "done"
"""

INI = """
[netd]
state_directory = {folder}/state
[relay]
{access}
[session]
accept_unsolicited = yes
agents = 127.0.0.0/8, 10.0.0.0/8, 203.0.113.0/24
{access}
[feed]
locales = en_US
{access}
[command]
functions = {folder}/commands.py
{access}
{anyone}
[room]
size = 50
{access}
[wire]
listen = tcp:9000
{access}
rules =
    name hello {{name}} token {{token}} => welcome {{name}}
    name hello {{name}} => welcome {{name}}
    event {{*}}
[gateway]
listen = tcp:8080
[manhole]
[recorder]
[forward]
url = http://127.0.0.1:8086/write?db=lab
[mqtt]
broker = tcp:127.0.0.1:1883
commands = relay
[cluster]
servers = nats://127.0.0.1:4222
[alert:hot]
when = session.main.*.temp > 30
[bridge:fan]
from = alert.hot.>
to = relay.main.fan
"""


class House:
    """The daemon.

    :ivar tokens: the token of each column that has one.
    """

    def __init__(self, access: str, folder: Path) -> None:
        self.folder = folder
        self.access = access
        (folder / "state").mkdir(mode=0o700)
        (folder / "commands.py").write_text(FUNCTIONS)
        self.tokens = {column: self._token(column, word) for column, word in WORDS.items()}
        lines = f"access = {access}" + ("\npeers = 10.0.0.0/8" if "peers" in access else "")
        text = INI.format(folder=folder, access=lines, anyone="anyone = i know" if access == "anyone" else "")
        kinds = find_kinds()
        self.clock = MemoryReactorClock()
        self.configuration = parse(text, "netd.ini", {name: kind.config for name, kind in kinds.items()}, {}, 1000, "lab")
        self.daemon = assemble(self.configuration, kinds, self.clock, lambda: 1_800_000_000.0, run=run_now)
        self.services = self.daemon.sections.by_name
        self._started: list[Any] = []

    def start(self) -> None:
        """Start the wires and the gateway, without the signals and the control socket of a real process."""
        wanted: list[Any] = [self.services[name] for name in (*WIRES, "gateway")]
        for service in [*wanted, self.daemon.sections.watch]:
            self._started.append(service)
            service.startService()
        self.clock.advance(0)

    def stop(self) -> None:
        """Stop them, and lose what is connected."""
        for service in reversed(self._started):
            service.stopService()
        self.clock.advance(0)

    def actions(self) -> list[Action]:
        """What the services say that programs may do."""
        return [action for name in (*WIRES, "gateway") for action in self.services[name].actions()]  # type: ignore[attr-defined]

    def operations(self) -> list[Operation]:
        """The operations of the running table."""
        return [operation for operation, _ in self.daemon.system.table]

    def visit(self, section: str, host: str) -> Connection:
        """A program at *host* connects to *section*."""
        factory: Any = self.services[section]._factory  # type: ignore[attr-defined]
        return connect(factory, self.clock, host)

    def add(self, name: str, word: str) -> str:
        """Add a credential, and let a second pass."""
        token = add_token(self.folder / "state" / TOKENS, name, word, (), secrets.token_bytes)
        self.clock.pump([0.25] * 4)
        return token

    def revoke(self, column: str) -> None:
        """Take the credential of *column* away, and let a second pass."""
        remove_token(self.folder / "state" / TOKENS, self.name_of(column))
        self.clock.pump([0.25] * 4)

    def get(self, path: str, host: str, token: str | None) -> tuple[Connection, bytes]:
        """A request to the gateway, and what comes of it."""
        head = [f"GET {path} HTTP/1.1", "Host: localhost:8080", *([] if token is None else [f"Authorization: Bearer {token}"])]
        visitor = self.visit("gateway", host)
        return visitor, visitor.say("\r\n".join([*head, "", ""]).encode())

    def call(self, name: str, token: str | None, host: str = HERE) -> dict[str, Any]:
        """What comes of calling an operation by the gateway, with an argument that none has."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": name, "params": {"colour": "red"}}).encode()
        head = ["POST /rpc HTTP/1.1", "Host: localhost:8080", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        head += [] if token is None else [f"Authorization: Bearer {token}"]
        visitor = self.visit("gateway", host)
        told = visitor.say("\r\n".join([*head, "", ""]).encode() + body)
        visitor.lose()
        status, _, content = told.partition(b"\r\n\r\n")
        found: dict[str, Any] = {"status": int(status.split()[1]), **(json.loads(content) if content.startswith(b"{") else {})}
        return found

    @staticmethod
    def name_of(column: str) -> str:
        """The name of a column's credential. Lines of one name must be of one kind, so only the device has :data:`OWN`."""
        return OWN if column == "device" else f"the-{column}"

    def _token(self, column: str, word: str) -> str:
        path = self.folder / "state" / TOKENS
        subjects = CONFINED if column == "confined" else ()
        only = (OWN,) if column == "command" else ()
        sends = (SENDS,) if column == "device" else ()
        secret = iter([column.encode().ljust(64, b"-")])
        return add_token(path, self.name_of(column), word, subjects, lambda size: next(secret)[:size], only=only, sends=sends)


@contextmanager
def opened(access: str) -> Iterator[House]:
    """A running daemon whose wires have that ``access``."""
    folder = Path(tempfile.mkdtemp(prefix="netd-trust-"))
    try:
        house = House(access, folder)
        try:
            house.start()
            yield house
        finally:
            house.stop()
    finally:
        shutil.rmtree(folder)
