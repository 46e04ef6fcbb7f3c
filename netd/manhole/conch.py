"""The server's side of SSH, by Twisted Conch, cut down to one thing: a terminal for people who have proved who they are.

Conch speaks the protocol; what a login is worth, and what is shown and typed, is the affair of its *session*
(:mod:`netd.manhole.ssh`). Nothing is forwarded, no program is run and no file served: each request for such a thing is answered
in words. Algorithms that OpenSSH itself does not offer any more are not offered.

Conch's own log lines are dropped. Some are errors with a traceback over what any client may ask for, and some quote packets.
"""

from __future__ import annotations

import struct
from typing import Any, Protocol, cast

from twisted.conch.error import ConchError, ValidPublicKey
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh import channel, common, connection, keys, session, transport, userauth
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import ILogObserver, Logger

from netd.secrets.ssh_keys import LoginKey

__all__ = ["ManholeTransport", "SshSession", "TerminalChannel"]

MOST_PROOFS = 10
"""Keys and passwords that a connection may offer. Agents offer all keys that they hold."""

MOST_MESSAGES = 100
"""Messages of a connection that has not logged in, with those of the key exchange. Each costs more to take than to send."""

LONGEST_PACKET = 1 << 16
"""Bytes of a packet. The protocol asks for 35,000 at least; Conch by itself would collect a MiB."""

MOST_BLOCKED = 1000
"""Packets that may wait for the end of a key exchange, which is the client's to end."""

LEAST_SEGMENT, MOST_SEGMENT = 1 << 10, 1 << 15
"""Bytes of output in one packet: a client that asks for a byte a packet would be sent fifty bytes for each."""

SIGNATURES = {
    b"ssh-ed25519": b"ssh-ed25519",
    b"ecdsa-sha2-nistp256": b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384": b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521": b"ecdsa-sha2-nistp521",
    b"rsa-sha2-512": b"ssh-rsa",
    b"rsa-sha2-256": b"ssh-rsa",
}
"""The algorithms with which a client may sign, each with the type of its key. SHA-1 (``ssh-rsa``) is not among them."""

EXCHANGES = (b"mlkem768x25519", b"curve25519")
"""How the key exchanges begin that are offered."""

MENU_ALONE = "the manhole has a menu and nothing else: log in without a command, and type help"
NO_FILES = "the manhole serves no files, and has no subsystems"
NO_PORTS = "the manhole forwards no ports"
ONE_TERMINAL = "the manhole gives one terminal for each connection"

QUIET = Logger(observer=cast(ILogObserver, lambda event: None))


class SshSession(Protocol):
    """The owner of an SSH connection, as its Conch side sees it."""

    @property
    def is_connected(self) -> bool:
        """Whether the connection is neither closed nor being closed."""

    @property
    def is_logged_in(self) -> bool:
        """Whether the client has proved who it is."""

    def send(self, packet: bytes) -> None:
        """Send bytes to the client."""

    def end(self, reason: str) -> None:
        """Close the connection."""

    def give_up(self, reason: str) -> None:
        """Cut the connection."""

    def has_key(self, name: str, blob: bytes) -> LoginKey | None:
        """Return the key of *name* that *blob* is; None if it is none of theirs."""

    def check_password(self, name: str, password: str) -> Deferred[bool]:
        """Check a password, and log its user in. The Deferred fails where the connection has been closed over it."""

    def admit(self, key: LoginKey) -> bool:
        """Log the owner of *key* in, who has signed with it. Return False if the connection has been closed instead."""

    def note(self, words: str) -> None:
        """Show *words* at the terminal, as soon as there is one."""

    def begin(self, terminal: TerminalChannel) -> bool:
        """Begin at *terminal*. Return False if there is another one."""

    def resize(self, columns: int) -> None:
        """The terminal has so many columns; it is in character mode."""

    def typed(self, keys: bytes) -> None:
        """Bytes came from the terminal."""

    def typed_last(self) -> None:
        """No more will come from the terminal."""

    def left(self) -> None:
        """The client has closed the terminal."""

    def soon(self, action: Any) -> None:
        """Call *action* when Conch has done with what has come."""


class ManholeTransport(transport.SSHServerTransport):
    """One connection's packets."""

    _log = QUIET
    ourVersionString = b"SSH-2.0-netd"

    def __init__(self, own: SshSession, host_key: keys.Key) -> None:
        self.own = own
        self.transport: Any = _Wire(own)
        self.factory: Any = _Services(own, host_key)
        self.supportedKeyExchanges = [name for name in self.supportedKeyExchanges if name.startswith(EXCHANGES)]
        self.supportedCiphers = [name for name in self.supportedCiphers if name.endswith(b"-ctr")]
        self.supportedMACs = [b"hmac-sha2-512", b"hmac-sha2-256"]
        self.supportedCompressions = [b"none"]  # of a KiB, a client could make a MiB
        self.supportedPublicKeys = [b"ssh-ed25519"]
        self._messages = 0

    def take(self, received: bytes) -> None:
        """Take bytes from the client.

        :raises Exception: of any kind, for bytes that make no sense.
        """
        self.dataReceived(received)  # type: ignore[no-untyped-call]
        if len(self.buf) > LONGEST_PACKET:
            self.sendDisconnect(transport.DISCONNECT_PROTOCOL_ERROR, b"a packet has at most 65536 bytes")

    def dispatchMessage(self, number: int, payload: bytes) -> None:
        self._messages += 1
        if not self.own.is_connected:
            return
        if self._messages > MOST_MESSAGES and not self.own.is_logged_in:
            self.sendDisconnect(transport.DISCONNECT_PROTOCOL_ERROR, b"too many messages before a login")
            return
        super().dispatchMessage(number, payload)  # type: ignore[no-untyped-call]

    def sendPacket(self, number: int, payload: bytes) -> None:
        super().sendPacket(number, payload)  # type: ignore[no-untyped-call]
        if len(self._blockedByKeyExchange or ()) > MOST_BLOCKED:
            self.own.give_up("its key exchange does not end")

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        words = desc.decode("utf-8", "replace")
        self.sendPacket(transport.MSG_DISCONNECT, struct.pack(">L", reason) + common.NS(desc) + common.NS(b""))
        self.own.end(words)

    def sendExtInfo(self, extensions: object) -> None:
        """Tell which signatures are taken. Conch would name those of the host key, and clients then offer no RSA key at all."""
        super().sendExtInfo([(b"server-sig-algs", b",".join(SIGNATURES))])  # type: ignore[no-untyped-call]

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        """The client says why it leaves; its end comes next."""

    def getPeer(self) -> Any:
        return None


class _Wire:
    """What Conch takes for the socket."""

    def __init__(self, own: SshSession) -> None:
        self.write = own.send
        self._own = own

    def loseConnection(self) -> None:
        """Close the connection: the client has said that it leaves."""
        self._own.end("its client left")


class _Services:
    """What Conch takes for the factory of a connection: its keys, and the services that it may begin."""

    def __init__(self, own: SshSession, host_key: keys.Key) -> None:
        self.portal = _Proofs(own)
        self.privateKeys = {b"ssh-ed25519": host_key}
        self.publicKeys = {b"ssh-ed25519": host_key.public()}

    def getService(self, asking: ManholeTransport, name: bytes) -> Any:
        """Return the class of a service: the login first, and once, then the terminal."""
        if name == b"ssh-userauth" and asking.service is None:
            return SshLogin
        if name == b"ssh-connection" and asking.own.is_logged_in and isinstance(asking.service, SshLogin):
            return TerminalConnection
        return None


class _Proofs:
    """What Conch takes for a portal: it judges keys and passwords."""

    def __init__(self, own: SshSession) -> None:
        self._own = own

    def login(self, proof: Any, mind: object, *interfaces: object) -> Deferred[Any]:
        """Judge *proof*. The Deferred fails with ``UnauthorizedLogin`` where it is wrong."""
        name = proof.username.decode("utf-8", "replace")
        if IUsernamePassword.providedBy(proof):
            return self._own.check_password(name, proof.password.decode("utf-8", "replace")).addCallback(_admitted)
        return self._judge_key(name, proof)

    def _judge_key(self, name: str, proof: Any) -> Deferred[Any]:
        key = self._own.has_key(name, proof.blob)
        if key is None or SIGNATURES.get(proof.algName) != key.type.encode("ascii"):
            return fail(UnauthorizedLogin())
        if proof.signature is None:
            return fail(ValidPublicKey())
        # The algorithm inside of the signature counts: a client may announce SHA-256, and sign with SHA-1.
        if common.getNS(proof.signature)[0] != proof.algName:
            return fail(UnauthorizedLogin())
        if not keys.Key.fromString(proof.blob).verify(proof.signature, proof.sigData):
            return fail(UnauthorizedLogin())
        return _admitted(self._own.admit(key))


def _admitted(is_right: bool) -> Deferred[Any]:
    return succeed((IConchUser, None, lambda: None)) if is_right else fail(UnauthorizedLogin())


class SshLogin(userauth.SSHUserAuthServer):
    """The login. Its time limit is the session's own clock, and wrong passwords are counted where those of telnet are."""

    _log = QUIET
    attemptsBeforeDisconnect = MOST_PROOFS
    transport: Any

    def serviceStarted(self) -> None:
        self.authenticatedWith: list[bytes] = []
        self.loginAttempts = 0
        self.user = b""
        self.nextService = b""
        self.portal = self.transport.factory.portal
        self.supportedAuthentications = [b"publickey", b"password"]
        self._is_checking = False

    def serviceStopped(self) -> None:
        """Nothing is to be cancelled: the session cancels a check of its own."""

    def ssh_USERAUTH_REQUEST(self, packet: bytes) -> None:
        """Take one proof at a time: Conch keeps the name of the last one only, and would mistake it for that of an earlier."""
        if self._is_checking or common.getNS(packet, 2)[1] != b"ssh-connection":
            self.transport.sendDisconnect(transport.DISCONNECT_PROTOCOL_ERROR, b"one proof at a time, for a terminal")
            return
        self._is_checking = True
        judged = super().ssh_USERAUTH_REQUEST(packet)
        assert judged is not None, "Conch gives a Deferred for each method"
        judged.addBoth(self._judged)

    def _judged(self, outcome: object) -> object:
        self._is_checking = False
        return outcome

    def _ebPassword(self, failure: object) -> object:
        return failure  # a check takes its time by itself, and the session's clock is running


class TerminalConnection(connection.SSHConnection):
    """The channels of a connection: one terminal."""

    _log = QUIET
    transport: Any

    def serviceStarted(self) -> None:
        """Conch would give the connection to its avatar: netd has none."""

    def getChannel(self, kind: bytes, window: int, segment: int, extra: bytes) -> TerminalChannel:
        if kind != b"session":
            raise ConchError(NO_PORTS, connection.OPEN_ADMINISTRATIVELY_PROHIBITED)
        if self.channels:
            raise ConchError(ONE_TERMINAL, connection.OPEN_ADMINISTRATIVELY_PROHIBITED)
        return TerminalChannel(self.transport.own, self, window, max(LEAST_SEGMENT, min(segment, MOST_SEGMENT)))

    def gotGlobalRequest(self, kind: bytes, extra: bytes) -> int:
        if kind == b"tcpip-forward":
            self.transport.own.note(NO_PORTS)
        return 0


class TerminalChannel(channel.SSHChannel):
    """The terminal's bytes."""

    _log = QUIET
    name = b"session"
    conn: Any

    def __init__(self, own: SshSession, conn: TerminalConnection, window: int, segment: int) -> None:
        super().__init__(remoteWindow=window, remoteMaxPacket=segment, conn=conn)
        self._own = own

    @property
    def waiting(self) -> int:
        """Bytes that wait until the client has room for them."""
        return len(self.buf)

    def finish(self) -> None:
        """Tell the client that the terminal has ended well, and close it."""
        self.conn.sendRequest(self, b"exit-status", struct.pack(">L", 0))
        self.conn.sendEOF(self)
        self.conn.sendClose(self)

    def request_pty_req(self, request: bytes) -> int:
        _, (_, columns, _, _), _ = session.parseRequest_pty_req(request)
        self._own.resize(columns)
        return 1

    def request_window_change(self, request: bytes) -> int:
        self._own.resize(session.parseRequest_window_change(request)[1])
        return 1

    def request_shell(self, request: bytes) -> int:
        return int(self._own.begin(self))

    def request_exec(self, request: bytes) -> int:
        return self._refuse(MENU_ALONE)

    def request_subsystem(self, request: bytes) -> int:
        return self._refuse(NO_FILES)

    def dataReceived(self, data: bytes) -> None:
        self._own.typed(data)

    def extReceived(self, dataType: int, data: bytes) -> None:
        """Clients send no such thing."""

    def eofReceived(self) -> None:
        self._own.typed_last()

    def closed(self) -> None:
        self._own.left()

    def _refuse(self, words: str) -> int:
        """Say *words* when the client has been told that its request is granted: it shows nothing of one that is refused."""
        self._own.soon(lambda: self._say(words))
        return 1

    def _say(self, words: str) -> None:
        if self._own.is_connected and not self.localClosed:
            self.writeExtended(connection.EXTENDED_DATA_STDERR, f"netd: {words}\r\n".encode())  # type: ignore[no-untyped-call]
            self.conn.sendRequest(self, b"exit-status", struct.pack(">L", 1))
            self.conn.sendClose(self)
