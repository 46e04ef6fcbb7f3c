"""The manhole over a real socket, with a real password file and the reactor's threads."""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from netd.bus.local import LocalBus
from netd.manhole.config import Config
from netd.manhole.service import make_service
from netd.operations import Operation, OperationTable, Role
from netd.secrets.passwords import make_entry, write_entry
from netd.secrets.ssh_keys import KEYS, add_key, read_public_key
from tests.debian import program
from tests.manhole.ssh_visits import key_of, public_text

NAME, PASSWORD = "operator", "open sesame"


class Client(Protocol):
    """Answers each prompt with the next line, and keeps what was shown."""

    def __init__(self, script: list[tuple[bytes, bytes]]) -> None:
        self.script = script
        self.shown = b""
        self.unanswered = b""
        self.left: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.shown += data
        self.unanswered += data
        while self.script and self.script[0][0] in self.unanswered:
            prompt, line = self.script.pop(0)
            self.unanswered = self.unanswered.partition(prompt)[2]
            assert self.transport is not None
            self.transport.write(line + b"\r\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.left.callback(self.shown)


class RealManholeTests(TestCase):
    timeout = 20

    async def run_session(self, listen: str, connect: str) -> bytes:
        """Log in, wrongly and rightly, call an operation, leave; all that was shown."""
        path = Path(self.mktemp())
        write_entry(path, make_entry(NAME, PASSWORD, bytes(16)))
        table = OperationTable()
        table.add([Operation("system.greet", lambda: "hello from inside", Role.VIEWER, "Greet")])
        service = make_service(Config(listen=(listen,), password_file=path), reactor, LocalBus(float))
        service.use_operations(table)
        service.startService()
        self.addCleanup(service.stopService)
        address = service.listening()[0].address
        client = Client(
            [
                (b"login: ", NAME.encode()),
                (b"password: ", b"wrong"),
                (b"login: ", NAME.encode()),
                (b"password: ", PASSWORD.encode()),
                (b"netd> ", b"greet"),
                (b"netd> ", b"quit"),
            ]
        )
        port = address.rpartition(":")[2]
        await connectProtocol(clientFromString(reactor, connect.format(port=port)), client)
        return await client.left

    async def test_over_tcp(self) -> None:
        """A telnet client on this machine logs in, calls an operation, and leaves."""
        shown = await self.run_session("tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:{port}")
        self.assertIn(b"wrong name or password\r\n", shown)
        self.assertTrue(shown.endswith(b"netd> hello from inside\r\nnetd> goodbye\r\n"), shown)

    async def test_over_unix(self) -> None:
        """The same over a unix socket."""
        path = f"{self.mktemp()}.sock"
        shown = await self.run_session(f"unix:{path}:mode=600", f"unix:{path}")
        self.assertTrue(shown.endswith(b"netd> hello from inside\r\nnetd> goodbye\r\n"), shown)

    async def test_openssh(self) -> None:
        """OpenSSH's client logs in with a key of each kind that people have, runs a script, and is told what is not served."""
        state = Path(self.mktemp()).absolute()
        state.mkdir(mode=0o700)
        for kind in ("ed25519", "rsa"):
            add_key(state / KEYS, read_public_key(public_text(key_of(kind)), NAME))
            private = state / kind
            private.touch(0o600)
            private.write_bytes(key_of(kind).toString("openssh", subtype="v1"))
        table = OperationTable()
        table.add([Operation("system.greet", lambda: "hello from inside", Role.VIEWER, "Greet")])
        config = Config(listen=None, ssh=("tcp:0:interface=127.0.0.1",), state_directory=state)
        service = make_service(config, reactor, LocalBus(float))
        service.use_operations(table)
        service.startService()
        self.addCleanup(service.stopService)
        [place] = service.listening()
        options = [f"-oPort={place.address.rpartition(':')[2]}", f"-oUserKnownHostsFile={state}/known_hosts"]
        options += ["-oStrictHostKeyChecking=accept-new", "-oIdentitiesOnly=yes", "-oBatchMode=yes", "-F", "none"]
        for kind in ("ed25519", "rsa"):
            said = await self.run_ssh(*options, f"-i{state / kind}", f"{NAME}@127.0.0.1", typed=b"greet\nquit\n")
            self.assertEqual(
                (said[0].rpartition(b"leave.\n")[2], said[2]), (b"netd> hello from inside\nnetd> goodbye\n", 0), said
            )
        said = await self.run_ssh(*options, f"-i{state / 'rsa'}", f"{NAME}@127.0.0.1", "reboot")
        self.assertEqual((b"a menu and nothing else" in said[1], said[2]), (True, 1), said)

    async def run_ssh(self, *arguments: str, typed: bytes = b"") -> tuple[bytes, bytes, int]:
        """Run the client; what it has printed, and its exit status."""
        ran = getProcessOutputAndValue(program("ssh"), arguments, env=None, reactor=reactor, stdinBytes=typed)
        out, errors, status = await ran
        return out, errors, status
