"""The one daemon of the contract: all kinds of service, a gateway with tokens, a manhole.

It is started for the first test that wants it and goes on until the tests are over: what tests leave behind in it, they leave to
no other test that could notice.
"""

from __future__ import annotations

import atexit
import copy
import functools
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netd.operations import Role
from netd.secrets.passwords import PasswordEntry, make_entry, write_entry
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.contract.agents import Agents
from tests.process import LOOPBACK, TWISTD, Daemon

__all__ = ["PASSWORD", "USER", "World", "the_world"]

USER, PASSWORD = "ada", "open sesame"

FUNCTIONS = '''
from netd.command import command


@command("add")
def add(first: float, second: float) -> float:
    """Return the sum."""
    return first + second


@command("water")
def water() -> None:
    """Fail."""
    raise RuntimeError("out of water")
'''

SECTIONS = f"""
[relay]
listen = {LOOPBACK}
[session]
listen = {LOOPBACK}
agent_port = AGENT_PORT
accept_unsolicited = yes
sessions_per_host = 1000
reconnect = no
idle_timeout = 1h
[feed]
listen = {LOOPBACK}
interval = 1h
[command]
listen = {LOOPBACK}
functions = functions.py
[room]
listen = {LOOPBACK}
turns = no
size = 100
[gateway]
listen = {LOOPBACK}
[manhole]
listen = {LOOPBACK}
python = yes
"""


class World:
    """A daemon, and the agents that it can dial.

    :param with_tokens: whether there is a token of each role; nobody gets through the gateway without one then.
    :ivar folder: its own, which goes with it.
    :ivar tokens: by role.
    :ivar kept: connections that tests share, because they take long to make; each is closed in the end.
    """

    def __init__(self, *, with_tokens: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700)
        self.agents = Agents()
        self.kept: dict[object, Any] = {}
        roles = (Role.VIEWER, Role.OPERATOR, Role.ADMIN) if with_tokens else ()
        self.tokens: Mapping[Role, str] = {role: self._add_token(role) for role in roles}
        write_entry(self.state / "manhole.passwd", _entry())
        (self.folder / "functions.py").write_text(FUNCTIONS, encoding="utf-8")
        ini = self.folder / "netd.ini"
        sections = SECTIONS.replace("AGENT_PORT", str(self.agents.port))
        ini.write_text(f"[netd]\nstate_directory = {self.state}\n{sections}", encoding="utf-8")
        self.daemon = Daemon([TWISTD, "-n", "--pidfile=", "netd", "-c", ini], self.folder, self.state)
        self.agents.start(self.port("session"))

    @property
    def url(self) -> str:
        """The gateway's."""
        return f"http://127.0.0.1:{self.port('gateway')}"

    @functools.cached_property
    def operations(self) -> dict[str, dict[str, Any]]:
        """What the daemon says that it can do, by name."""
        return {one["name"]: one for one in self.call("system.operations")}

    def port(self, service: str) -> int:
        """Where *service* listens on loopback."""
        return self.daemon.port(service)

    def call(self, operation: str, **arguments: Any) -> Any:
        """The result of one operation, over the control socket."""
        return self.daemon.call(operation, **arguments)

    def confined_to(self, *subjects: str) -> World:
        """The same world, where the token of an operator is for *subjects* alone."""
        confined = copy.copy(self)
        text = add_token(self.state / TOKENS, secrets.token_hex(4), Role.OPERATOR, subjects, secrets.token_bytes)
        confined.tokens = {Role.OPERATOR: text}
        confined.folder = Path(tempfile.mkdtemp(dir=self.folder))
        return confined

    def token_file(self, role: Role) -> Path:
        """A file that holds the token of *role*, for nobody else to read."""
        path = self.folder / f"{role.name.lower()}.token"
        if not path.exists():
            path.touch(0o600)
            path.write_text(self.tokens[role], encoding="ascii")
        return path

    def hang_up(self) -> None:
        """Close the connections that tests share."""
        for connection in self.kept.values():
            connection.close()

    def close(self) -> None:
        """End the daemon, whatever state it is in, and leave nothing behind."""
        self.hang_up()
        self.daemon.end()
        self.agents.close()
        shutil.rmtree(self.folder)

    def _add_token(self, role: Role) -> str:
        return add_token(self.state / TOKENS, role.name.lower(), role, (), secrets.token_bytes)


@functools.cache
def _entry() -> PasswordEntry:
    """Of the only one who may log in at manholes: it takes long to make."""
    return make_entry(USER, PASSWORD, secrets.token_bytes(16))


@functools.cache
def the_world() -> World:
    """The daemon that all tests of this process share; it ends with the process."""
    world, owner = World(), os.getpid()

    def close() -> None:
        if os.getpid() == owner:  # and not with a child that was forked off
            world.close()

    atexit.register(close)
    return world
