"""A person with a client of SSH who visits the manhole in memory; the client is Conch's."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh import channel, common, connection, keys, transport, userauth
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from netd.manhole.ssh import SshProtocol
from netd.secrets.ssh_keys import KEYS, add_key, read_public_key
from tests.manhole.visits import NAME, PASSWORD, ManholeTestCase

__all__ = ["SshTestCase", "SshVisit", "key_of", "public_text"]


@cache
def key_of(kind: str) -> keys.Key:
    """A private key of that kind, the same each time: an RSA key takes a while."""
    makers: dict[str, Any] = {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "other": ed25519.Ed25519PrivateKey.generate,
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }
    return keys.Key(makers[kind]())


def public_text(key: keys.Key) -> str:
    """The content of the file ``id_….pub``."""
    return key.public().toString("openssh", comment="ann@laptop").decode()


class Session(channel.SSHChannel):
    """The client's terminal."""

    name = b"session"

    def __init__(self, visit: SshVisit) -> None:
        super().__init__(localWindow=visit.window)
        self.visit = visit

    def channelOpen(self, specificData: bytes) -> None:  # noqa: N802, N803
        self.visit.channel = self

    def openFailed(self, reason: Any) -> None:  # noqa: N802
        self.visit.refusals.append(reason.args[0].decode())

    def dataReceived(self, data: bytes) -> None:
        self.visit.screen += data

    def extReceived(self, dataType: int, data: bytes) -> None:
        self.visit.errors += data

    def request_exit_status(self, data: bytes) -> None:
        (self.visit.status,) = struct.unpack(">L", data)

    def closed(self) -> None:
        self.visit.is_ended = True


class Forwarding(Session):
    """A port that the client wants to have forwarded."""

    name = b"direct-tcpip"


class Auth(userauth.SSHUserAuthClient):
    """Offers a key or a password, and the next one when it is refused."""

    def __init__(self, visit: SshVisit) -> None:
        super().__init__(visit.user.encode(), connection.SSHConnection())
        self.visit = visit
        self.preferredOrder = [b"publickey"] if visit.key is not None else [b"password"]

    def getPublicKey(self) -> Any:  # noqa: N802
        assert self.visit.key is not None
        offered, self.visit.is_offered = self.visit.is_offered, True
        return None if offered else self.visit.key.public()

    def getPrivateKey(self) -> Any:  # noqa: N802
        return succeed(self.visit.key)

    def getPassword(self, prompt: object = None) -> Any:  # noqa: N802
        if not self.visit.passwords:
            return None
        return succeed(self.visit.passwords.pop(0).encode())


class Patient(userauth.SSHUserAuthClient):
    """Offers nothing by itself, and does not leave when it is refused."""

    def __init__(self, visit: SshVisit) -> None:
        super().__init__(visit.user.encode(), connection.SSHConnection())

    def serviceStarted(self) -> None:
        self.authenticatedWith = []
        self.lastAuth = b""

    def ssh_USERAUTH_FAILURE(self, packet: bytes) -> None:  # noqa: N802
        """Stay."""


class Client(transport.SSHClientTransport):
    """The client's packets."""

    def __init__(self, visit: SshVisit) -> None:
        self.visit = visit

    def verifyHostKey(self, hostKey: bytes, fingerprint: object) -> Deferred[int]:  # noqa: N802, N803
        self.visit.host_key = hostKey
        return succeed(1)

    def connectionSecure(self) -> None:  # noqa: N802
        if self.visit.key is None and not self.visit.passwords:
            self.requestService(Patient(self.visit))
        else:
            self.requestService(Auth(self.visit))

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        self.visit.goodbye = description.decode()

    def setService(self, service: Any) -> None:  # noqa: N802
        super().setService(service)
        if service.name == b"ssh-connection":
            self.visit.is_in = True


class SshVisit:
    """One connection, seen from the client.

    :ivar screen: what was shown at the terminal.
    :ivar goodbye: why the manhole has ended the connection.
    """

    def __init__(self, protocol: SshProtocol, reactor: MemoryReactorClock, host: str, **options: Any) -> None:
        self.user = options.get("user", NAME)
        self.key: keys.Key | None = options.get("key")
        self.passwords: list[str] = list(options.get("passwords", ()))
        self.window = options.get("window", 0)
        self.protocol = protocol
        self.reactor = reactor
        self.transport = StringTransport(IPv4Address("TCP", "127.0.0.1", 6022), IPv4Address("TCP", host, 50412))
        self.client = Client(self)
        self.wire = StringTransport()
        self.channel: Any = None
        self.screen = self.errors = b""
        self.status: int | None = None
        self.host_key = b""
        self.goodbye = ""
        self.refusals: list[str] = []
        self.is_in = self.is_ended = self.is_offered = self.is_lost = False
        protocol.makeConnection(self.transport)
        self.client.makeConnection(self.wire)
        self.pump()

    def pump(self) -> None:
        """Carry bytes both ways until there are none."""
        while True:
            self.reactor.advance(0)
            to_client, to_server = self.transport.value(), self.wire.value()
            if not to_client and not to_server:
                return
            self.transport.clear()
            self.wire.clear()
            if to_client:
                self.client.dataReceived(to_client)
            if to_server and not self.is_lost:
                self.protocol.dataReceived(to_server)

    def open(self, columns: int = 80, channel_class: type[Session] = Session) -> SshVisit:
        """Open a terminal with a screen of so many columns; 0 for none."""
        self.client.service.openChannel(channel_class(self), b"\0" * 16)
        self.pump()
        if self.channel is not None:
            if columns:
                self.ask(b"pty-req", common.NS(b"xterm") + struct.pack(">4L", columns, 24, 0, 0) + common.NS(b""))
            self.ask(b"shell")
        return self

    def offer(self, key: keys.Key, algorithm: bytes, named: bytes | None = None, signing: keys.Key | None = None) -> None:
        """Log in by *key*, signed by *algorithm*; another algorithm may be named, and another key may sign."""
        user = common.NS(self.user.encode()) + common.NS(b"ssh-connection") + common.NS(b"publickey")
        request = user + b"\xff" + common.NS(named or algorithm) + common.NS(key.public().blob())
        signed = common.NS(self.client.sessionID) + b"\x32" + request
        self.client.sendPacket(50, request + common.NS((signing or key).sign(signed, signatureType=algorithm)))
        self.pump()

    def ask(self, kind: bytes, extra: bytes = b"") -> list[object]:
        """Send a request to the terminal; its answer, once there is one."""
        answers: list[object] = []
        asked = self.client.service.sendRequest(self.channel, kind, extra, wantReply=1)
        asked.addCallbacks(lambda _: answers.append(True), lambda _: answers.append(False))
        self.pump()
        return answers

    def type(self, typed: str | bytes) -> str:
        """Press keys; what is shown after them."""
        self.shown()
        self.channel.write(typed if isinstance(typed, bytes) else typed.encode())
        self.pump()
        return self.shown()

    def shown(self) -> str:
        """What was shown since the last time."""
        self.pump()
        shown, self.screen = self.screen.decode(), b""
        return shown

    @property
    def is_closing(self) -> bool:
        """Whether the manhole has closed the connection."""
        return bool(self.transport.disconnecting)

    def hang_up(self) -> None:
        """Lose the connection."""
        if not self.is_lost:
            self.is_lost = True
            self.protocol.connectionLost(Failure(ConnectionDone()))


class SshTestCase(ManholeTestCase):
    """A manhole with SSH, where the operator has a key."""

    options: dict[str, Any]

    def use(self, **options: Any) -> None:
        """Assemble and start the manhole anew, with these options."""
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir(mode=0o700)
        for kind in ("ed25519", "ecdsa", "rsa"):
            add_key(self.state / KEYS, read_public_key(public_text(key_of(kind)), NAME))
        super().use(state_directory=self.state, ssh=("tcp:6022:interface=127.0.0.1",), **options)
        self.ssh_factory: Any = next(server[1] for server in self.reactor.tcpServers if server[0] == 6022)

    def ssh(self, host: str = "127.0.0.1", **options: Any) -> SshVisit:
        """Connect, and log in as the options say; by the operator's key, if they say nothing."""
        if not options.keys() & {"key", "passwords"}:
            options["key"] = key_of("ed25519")
        visit = SshVisit(self.ssh_factory.buildProtocol(IPv4Address("TCP", host, 50412)), self.reactor, host, **options)
        self.visits.append(visit)  # type: ignore[arg-type]
        return visit

    def terminal(self, **options: Any) -> SshVisit:
        """Log in by the operator's key, and open a terminal; all that it shows has been read."""
        visit = self.ssh(**options).open()
        visit.shown()
        return visit

    def patient(self) -> SshVisit:
        """Connect, and prove nothing."""
        return self.ssh(passwords=())

    def password_visit(self, *passwords: str, **options: Any) -> SshVisit:
        """Connect, and offer these passwords one after the other; the operator's, if there is none."""
        return self.ssh(passwords=passwords or (PASSWORD,), **options)
