"""The manhole by SSH, as a client sees it."""

from __future__ import annotations

import stat
import struct
from ipaddress import ip_network

import attrs
from twisted.conch.ssh import common, transport
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

from netd.access.rules import AccessRules, AccessWord
from netd.access.section import SectionAccess
from netd.access.watch import LOOK_EVERY, CredentialWatch
from netd.manhole.conch import LONGEST_PACKET, MOST_MESSAGES, MOST_PROOFS
from netd.manhole.host_key import HOST_KEY
from netd.manhole.terminal import MAX_LINE, MAX_UNREAD
from netd.operations import Operation, Role
from netd.principal import Principal, Proof
from netd.secrets.ssh_keys import KEYS, read_keys, remove_keys
from netd.secrets.tries import MOST_WRONG, WINDOW
from netd.testing import reload
from tests.manhole.ssh_visits import Forwarding, SshTestCase, key_of
from tests.manhole.visits import NAME, PASSWORD


class SshLoginTests(SshTestCase):
    def test_key(self) -> None:
        """Each kind of key opens the manhole, and an operator sees by what the session was proved."""
        self.table.add(self.service.operations())
        for kind in ("ed25519", "ecdsa"):
            visit = self.ssh(key=key_of(kind)).open()
            self.assertIn("Type help for what can be done here", visit.shown())
            principal = visit.protocol.peer.principal
            self.assertEqual((principal.name, principal.role, principal.proof), (NAME, Role.ADMIN, Proof.KEY))
            self.assertIn(str(principal.credential), (self.state / KEYS).read_text())
            self.assertIn(f"{NAME} ", visit.type("manhole.sessions\r"))
        self.assertEqual([], self.checks)

    def test_foreign_key(self) -> None:
        """A key that is not in the file, or stands there for another name, opens nothing."""
        self.assertFalse(self.ssh(key=key_of("other")).is_in)
        self.assertFalse(self.ssh(user="ann").is_in)

    def test_removed_key(self) -> None:
        """The file is read at each login; without it, or with a spoilt one, no key opens the manhole, and the log says why."""
        (self.state / KEYS).unlink()
        self.assertFalse(self.ssh().is_in)
        (self.state / KEYS).write_text("from=10.0.0.1 ssh-ed25519 AAAA ops\n")
        (self.state / KEYS).chmod(0o600)
        self.assertFalse(self.ssh().is_in)
        self.assertIn(f"{KEYS}:1: does not begin with the type of a key", self.log())

    def test_rsa(self) -> None:
        """An RSA key opens the manhole by SHA-2 alone, whatever a client says that it has signed with."""
        for algorithm in (b"rsa-sha2-256", b"rsa-sha2-512"):
            visit = self.patient()
            visit.offer(key_of("rsa"), algorithm)
            self.assertTrue(visit.is_in)
        for named in (b"ssh-rsa", b"rsa-sha2-256"):
            visit = self.patient()
            visit.offer(key_of("rsa"), b"ssh-rsa", named)
            self.assertFalse(visit.is_in)

    def test_wrong_signature(self) -> None:
        """Whoever knows a public key, and has not the private one, does not get in."""
        visit = self.patient()
        visit.offer(key_of("ed25519"), b"ssh-ed25519", signing=key_of("other"))
        self.assertFalse(visit.is_in)

    def test_password(self) -> None:
        """The passwords are those of telnet, checked by the same file; they stand in no log."""
        visit = self.password_visit().open()
        self.assertIn("netd> ", visit.shown())
        self.assertEqual((visit.protocol.peer.principal.proof, self.checks), (Proof.PASSWORD, [(NAME, PASSWORD)]))
        self.assertIn("operator logged in by ssh from 127.0.0.1:50412", self.log())
        self.assertNotIn(PASSWORD, self.log())

    def test_wrong_passwords(self) -> None:
        """Three wrong passwords are checked, and no more: the third ends the connection, in words; guessing is audited."""
        told: list[object] = []
        self.bus.subscribe("audit.>", lambda message: told.append(message.event["from"]))
        visit = self.password_visit("one", "two", "three", PASSWORD)
        self.assertEqual([password for _, password in self.checks], ["one", "two", "three"])
        self.assertEqual((visit.is_in, visit.goodbye, visit.is_closing), (False, "too many tries", True))
        self.assertEqual(self.service.status().counters["refused"], {"wrong password": 3})
        self.assertEqual(told, ["manhole 127.0.0.1:50412"])

    def test_guessing(self) -> None:
        """After ten wrong passwords of an address, none of it is checked for a minute; others, and a key, get in meanwhile."""
        for _ in range(MOST_WRONG):
            self.password_visit("wrong")
        visit = self.password_visit()
        self.assertIn("too many wrong passwords came from your address; try again in", visit.goodbye)
        self.assertEqual(len(self.checks), MOST_WRONG)
        self.assertTrue(self.ssh().is_in)
        self.assertTrue(self.password_visit(host="10.0.0.9").is_in)
        self.reactor.advance(WINDOW)
        self.assertTrue(self.password_visit().is_in)

    def test_failed_check(self) -> None:
        """When passwords cannot be checked, the client is told to look at the log, which says why."""
        fault: Deferred[object] = Deferred()
        self.check = lambda name, password: fault
        visit = self.password_visit()
        fault.errback(ZeroDivisionError("a fault"))
        visit.pump()
        self.assertEqual(visit.goodbye, "nobody can log in now; the log says why")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_hang_up_during_a_check(self) -> None:
        """A client that goes while its password is checked leaves nothing behind."""
        self.check = lambda name, password: Deferred()
        self.password_visit().hang_up()
        self.assertEqual(self.service.status().connections, 0)

    def test_proofs_at_once(self) -> None:
        """A client that sends a second proof before the first is judged is closed: Conch would mix their names up."""
        self.check = lambda name, password: Deferred()
        visit = self.password_visit()
        visit.client.service.askForAuth(b"none", b"")
        visit.pump()
        self.assertEqual(visit.goodbye, "one proof at a time, for a terminal")

    def test_many_keys(self) -> None:
        """An agent may offer some keys, but not any number of them."""
        visit = self.patient()
        for count in range(MOST_PROOFS + 1):
            self.assertEqual(visit.goodbye, "", count)
            visit.offer(key_of("other"), b"ssh-ed25519")
        self.assertEqual(visit.goodbye, "too many bad auths")

    def test_too_late(self) -> None:
        """A client that does not log in, or does and then opens no terminal, is closed, and told why."""
        for visit in (self.patient(), self.ssh()):
            self.reactor.advance(30)
            visit.pump()
            self.assertEqual((visit.goodbye, visit.is_closing), ("no login within 30 s", True))

    def test_sessions_are_bounded(self) -> None:
        """One too many is told so, by key and by password alike."""
        self.use(max_sessions=1)
        self.terminal()
        for visit in (self.ssh(), self.password_visit()):
            self.assertEqual((visit.is_in, visit.goodbye), (False, "all 1 sessions are taken; try again later"))

    def test_not_admitted(self) -> None:
        """A connection that is not admitted, or not any more, is told so, before the login and at the terminal."""
        before, after = self.patient(), self.terminal()
        for visit in (before, after):
            visit.protocol.dismiss("not admitted", "its key was removed")
        before.pump()
        self.assertEqual(before.goodbye, "its key was removed")
        self.assertIn("its key was removed", after.shown())


class AccessTests(SshTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.rules = AccessRules(frozenset([AccessWord.LOOPBACK, AccessWord.PEERS]), (ip_network("10.0.0.0/24"),))
        self.service.use_access(SectionAccess("manhole", self.rules))

    def test_addresses(self) -> None:
        """The address must be one that `access` names, and then a key is asked for; others are told so before their login."""
        self.assertTrue(self.ssh(host="10.0.0.9").is_in)
        visit = self.ssh(host="10.0.1.9")
        self.assertEqual(visit.goodbye, "this address is not admitted by `access` of [manhole]")
        self.assertFalse(visit.is_in)

    def test_reload(self) -> None:
        """A reload by which an address is admitted no more puts out whoever is there, logged in or not."""
        here, there, early = self.terminal(), self.terminal(host="10.0.0.9"), self.patient()
        config = attrs.evolve(self.service._config, access=(AccessWord.LOOPBACK,))
        reload(self.service, config)
        self.assertIn("this address is not admitted", there.shown())
        self.reactor.advance(1)
        self.assertTrue(here.protocol.is_open and early.protocol.is_connected)

    def test_unix_user(self) -> None:
        """Whom the system names as an administrator has to log in all the same."""
        visit = self.patient()
        visit.protocol.peer.principal = Principal("root", Role.ADMIN, None, Proof.UNIX)
        self.assertFalse(visit.protocol.is_logged_in)
        visit.client.sendPacket(transport.MSG_SERVICE_REQUEST, common.NS(b"ssh-connection"))
        visit.pump()
        self.assertEqual(visit.goodbye, "don't have service ssh-connection")


class RevocationTests(SshTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.watch = CredentialWatch(self.reactor, self.service.revoke, lambda *_change: None)
        self.service.use_watch(self.watch)
        self.watch.startService()
        self.addCleanup(self.watch.stopService)

    def test_key(self) -> None:
        """A session ends within a second after its key was removed, in words; those by other keys and passwords stay."""
        gone, other, by_password = self.terminal(), self.ssh(key=key_of("ecdsa")).open(), self.password_visit().open()
        self.reactor.advance(LOOK_EVERY)
        remove_keys(self.state / KEYS, NAME, read_keys(self.state / KEYS)[0].fingerprint)
        self.reactor.advance(LOOK_EVERY)
        self.assertIn("is no longer admitted: its credential is gone", gone.shown())
        self.assertFalse(gone.protocol.is_open)
        self.assertTrue(other.protocol.is_open and by_password.protocol.is_open)
        gone.hang_up()
        self.assertIn("refused (no longer admitted)", self.log())
        self.reactor.advance(1)

    def test_password(self) -> None:
        """A new password ends the sessions by the old one, by telnet, too."""
        by_ssh, by_telnet, by_key = self.password_visit().open(), self.logged_in(), self.terminal()
        self.passwords.write_text(self.line.replace("A", "B") + "\n")
        self.reactor.advance(LOOK_EVERY)
        self.assertIn("is no longer admitted", by_ssh.shown())
        self.assertIn(b"is no longer admitted", by_telnet.shown())
        self.assertTrue(by_key.protocol.is_open)
        self.reactor.advance(1)
        self.service.stopService()
        self.passwords.unlink()
        self.reactor.advance(LOOK_EVERY)


class SshProtocolTests(SshTestCase):
    def test_host_key(self) -> None:
        """The host key is made once, for nobody else to read; people are shown its fingerprint, and it stays."""
        path = self.state / HOST_KEY
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        visit = self.ssh()
        self.assertEqual(visit.host_key, self.service.host_key.public().blob())
        [_telnet, ssh] = self.service.listening()[-2:]
        self.assertRegex(ssh.reach, "; ssh, host key SHA256:[A-Za-z0-9+/]{43}$")
        before = path.read_bytes()
        self.service.startService()
        self.assertEqual(path.read_bytes(), before)

    def test_algorithms(self) -> None:
        """Nothing is offered that OpenSSH has given up: no SHA-1, no CBC, no compression."""
        offered = self.ssh().client.otherKexInitPayload
        exchange, host, cipher, _, mac, _, compression, *_ = common.getNS(offered[17:], 10)
        self.assertEqual(
            [host, cipher, mac, compression],
            [b"ssh-ed25519", b"aes256-ctr,aes192-ctr,aes128-ctr", b"hmac-sha2-512,hmac-sha2-256", b"none"],
        )
        for name in exchange.split(b","):
            self.assertTrue(name.startswith((b"curve25519", b"mlkem768x25519", b"ext-info-s")), name)

    def test_other_uses(self) -> None:
        """Commands, files, ports and second terminals are refused in words, and nothing is logged as an error."""
        for kind, extra, words in (
            (b"exec", common.NS(b"ls"), b"a menu and nothing else"),
            (b"subsystem", common.NS(b"sftp"), b"serves no files"),
        ):
            visit = self.ssh()
            visit.client.service.openChannel(_session(visit))
            visit.pump()
            self.assertEqual(visit.ask(kind, extra), [True])
            self.assertIn(words, visit.errors)
            self.assertEqual((visit.status, visit.is_ended), (1, True))
        visit = self.ssh()
        visit.client.service.sendGlobalRequest(b"tcpip-forward", common.NS(b"") + struct.pack(">L", 7777))
        visit.client.service.sendGlobalRequest(b"keepalive@openssh.com", b"", wantReply=1).addErrback(lambda _: None)
        self.assertTrue(visit.open().shown().startswith("the manhole forwards no ports\r\nType help"))
        self.assertEqual(visit.ask(b"shell"), [False])
        self.assertEqual(visit.ask(b"x11-req"), [False])
        visit.open(channel_class=Forwarding)
        visit.open()
        self.assertEqual(visit.refusals, ["the manhole forwards no ports", "the manhole gives one terminal for each connection"])

    def test_nonsense(self) -> None:
        """Bytes that make no sense close their connection, are counted, and leave no traceback."""
        for sent in (b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x04\x14" + b"x" * 40, b"SSH-2.0-x\r\n" + b"\xff" * 100, b"x" * 5000):
            protocol = self.ssh_factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
            wire = StringTransport(IPv4Address("TCP", "127.0.0.1", 6022), IPv4Address("TCP", "127.0.0.1", 1))
            protocol.makeConnection(wire)
            protocol.dataReceived(sent)
            self.reactor.advance(0)
            self.assertTrue(wire.disconnecting, sent)
            self.reactor.advance(2)
            protocol.connectionLost(_done())
        self.assertEqual(self.service.status().counters["refused"], {"bad SSH": 1})
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_nonsense_after_login(self) -> None:
        """The same after a login."""
        visit = self.terminal()
        visit.client.sendPacket(94, struct.pack(">L", 77) + common.NS(b"to no terminal"))
        visit.pump()
        self.assertEqual(self.service.status().counters["refused"], {"bad SSH": 1})
        self.assertTrue(visit.is_closing)

    def test_long_packet(self) -> None:
        """A packet is not collected beyond what the protocol asks for."""
        visit = self.terminal()
        visit.client.sendPacket(transport.MSG_IGNORE, common.NS(bytes(2 * LONGEST_PACKET)))
        visit.protocol.dataReceived(visit.wire.value()[: LONGEST_PACKET + 100])
        visit.wire.clear()
        visit.pump()
        self.assertEqual(visit.goodbye, "a packet has at most 65536 bytes")

    def test_many_messages(self) -> None:
        """A client that only chats before its login is closed."""
        visit = self.patient()
        for _ in range(MOST_MESSAGES):
            visit.client.sendPacket(transport.MSG_IGNORE, common.NS(b""))
        visit.pump()
        self.assertEqual(visit.goodbye, "too many messages before a login")

    def test_endless_key_exchange(self) -> None:
        """A client that begins another key exchange, and does not end it, is cut before the output fills the memory."""
        self.table.add([Operation("test.long", lambda: "x" * 100_000, Role.VIEWER, "A long answer")])
        visit = self.terminal(window=1 << 30)
        visit.client.sendKexInit()
        visit.client._keyExchangeState = visit.client._KEY_EXCHANGE_NONE
        visit.type("long\r" * 600)
        self.assertFalse(visit.protocol.is_connected)

    def test_other_services(self) -> None:
        """Services come in their order, each once: no terminal before the login, and no second login after it."""
        early, late = self.patient(), self.terminal()
        for visit, name in ((early, b"ssh-connection"), (late, b"ssh-userauth"), (self.ssh(), b"nonsense")):
            visit.client.sendPacket(transport.MSG_SERVICE_REQUEST, common.NS(name))
            visit.pump()
            self.assertEqual(visit.goodbye, f"don't have service {name.decode()}")

    def test_http(self) -> None:
        """A browser is told that it has mistaken the port."""
        protocol = self.ssh_factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        wire = StringTransport(IPv4Address("TCP", "127.0.0.1", 6022), IPv4Address("TCP", "127.0.0.1", 1))
        protocol.makeConnection(wire)
        protocol.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.reactor.advance(0)
        self.assertIn(b"which speaks no HTTP", wire.value())
        self.reactor.advance(2)
        protocol.connectionLost(_done())


class SshTerminalTests(SshTestCase):
    def test_editing(self) -> None:
        """Keys are shown as they are typed; those that edit show the line anew, with letters of all kinds whole."""
        visit = self.terminal()
        self.assertEqual(visit.type("caf"), "\r\x1b[Jnetd> caf")
        self.assertEqual(visit.type("é"), "\r\x1b[Jnetd> café")
        self.assertEqual(visit.type("\x1b[D\x1b[D"), "\r\x1b[Jnetd> café\r\x1b[8C")
        self.assertEqual(visit.type("\x7f"), "\r\x1b[Jnetd> cfé\r\x1b[7C")
        self.assertEqual(visit.type("\x0c"), "\x1b[H\x1b[2J\r\x1b[Jnetd> cfé\r\x1b[7C")
        shown = visit.type("\r")
        self.assertTrue(shown.startswith("\r\x1b[Jnetd> cfé\r\nerror: no command 'cfé'"), shown)
        self.assertIn("netd> cfé", visit.type("\x1b[A"))

    def test_long_lines(self) -> None:
        """A line that takes several rows is shown anew from its first one, also after the window has changed."""
        visit = self.ssh().open(columns=20)
        visit.shown()
        self.assertEqual(visit.type("x" * 30), f"\r\x1b[Jnetd> {'x' * 30}")
        self.assertEqual(visit.type("y"), f"\x1b[1A\r\x1b[Jnetd> {'x' * 30}y")
        self.assertEqual(visit.type("\x01"), f"\x1b[1A\r\x1b[Jnetd> {'x' * 30}y\x1b[1A\r\x1b[6C")
        visit.ask(b"window-change", struct.pack(">4L", 100, 24, 0, 0))
        self.assertEqual(visit.type("z"), f"\r\x1b[Jnetd> z{'x' * 30}y\r\x1b[7C")

    def test_completion(self) -> None:
        """Tab completes commands and their arguments, and lists what is possible where that is several things."""
        self.table.add([Operation(f"test.{verb}", _echo, Role.VIEWER, verb) for verb in ("echo", "end")])
        visit = self.terminal()
        self.assertIn("netd> test.e", visit.type("te\t"))
        self.assertIn("\r\ntest.echo  test.end\r\nnetd> ", visit.type("\t"))
        self.assertIn("netd> test.echo ", visit.type("c\t"))
        self.assertIn("netd> test.echo text=", visit.type("\t"))
        visit.type("hi")
        self.assertIn("\r\nhi\r\n", visit.type("\r"))

    def test_interrupt(self) -> None:
        """Ctrl-C ends the wait for an operation; without one, it begins a new line. Ctrl-D leaves on an empty line alone."""
        waiting: Deferred[None] = Deferred(lambda _: None)
        self.table.add([Operation("test.slow", lambda: waiting, Role.VIEWER, "Takes its time")])
        visit = self.terminal()
        visit.type("slow\r")
        self.assertEqual(visit.type("typed ahead"), "")
        self.assertIn("test.slow: cancelled\r\nnetd> ", visit.type("\x03"))
        self.assertEqual(visit.type("half\x03"), "\r\x1b[Jnetd> half\r\nnetd> ")
        visit.type("half\x04")
        self.assertTrue(visit.protocol.is_open)
        self.assertIn("goodbye", visit.type("\x15\x04"))
        self.assertEqual((visit.status, visit.is_ended), (0, True))

    def test_typed_ahead(self) -> None:
        """Lines that are typed while an operation runs are shown when their turn comes, and an unfinished one after it."""
        waiting: Deferred[str] = Deferred()
        self.table.add(
            [
                Operation("test.slow", lambda: waiting, Role.VIEWER, "Takes its time"),
                Operation("test.now", lambda: "now", Role.VIEWER, ""),
            ]
        )
        visit = self.terminal()
        self.assertEqual(visit.type("slow\rnow\rnex").count("now"), 0)
        waiting.callback("slowly")
        self.assertEqual(visit.shown(), "slowly\r\nnetd> \r\x1b[Jnetd> now\r\nnow\r\nnetd> \r\x1b[Jnetd> nex\r\x1b[Jnetd> nex")

    def test_script(self) -> None:
        """Without a screen, the input is a script: nothing is echoed, and its end comes after the last line's answer."""
        waiting: Deferred[str] = Deferred()
        self.table.add([Operation("test.slow", lambda: waiting, Role.VIEWER, "Takes its time")])
        visit = self.ssh().open(columns=0)
        visit.shown()
        visit.type("slow\n")
        visit.client.service.sendEOF(visit.channel)
        visit.pump()
        self.assertTrue(visit.protocol.is_open)
        waiting.callback("slowly")
        self.assertEqual(visit.shown(), "slowly\nnetd> \ngoodbye\n")
        self.assertEqual(visit.status, 0)

    def test_goodbye(self) -> None:
        """The goodbye arrives before the end; a client that does not close then is closed after a moment."""
        visit = self.terminal()
        self.assertTrue(visit.type("quit\r").endswith("goodbye\r\n"))
        self.assertFalse(visit.is_closing)
        self.reactor.advance(1)
        self.assertTrue(visit.is_closing)
        visit.hang_up()
        self.assertIn("out: goodbye", self.log())

    def test_client_leaves(self) -> None:
        """A client that closes its terminal, or says that it leaves, is let go."""
        closing, leaving = self.terminal(), self.terminal()
        closing.client.service.sendClose(closing.channel)
        leaving.client.sendDisconnect(transport.DISCONNECT_BY_APPLICATION, b"bye")
        for visit in (closing, leaving):
            visit.pump()
            self.assertTrue(visit.is_closing)

    def test_stopping(self) -> None:
        """Those who are connected are told that netd stops, and the service waits for their end."""
        visit, early = self.terminal(), self.patient()
        stopped = self.service.stopService()
        self.assertIn("netd stops", visit.shown())
        early.pump()
        self.assertEqual(early.goodbye, "netd stops")
        for one in (visit, early):
            one.hang_up()
        self.successResultOf(stopped)

    def test_idle(self) -> None:
        """A terminal at which nothing is typed for long is closed, in words."""
        self.use(idle_timeout=60.0)
        visit = self.terminal()
        self.reactor.advance(60)
        self.assertIn("nothing was typed for 60 s; goodbye", visit.shown())

    def test_lines_have_a_limit(self) -> None:
        """A line that is too long is answered with the limit, also where it comes before there is a terminal for it."""
        visit = self.terminal()
        self.assertIn("a line has at most 4096 bytes", visit.type("x" * (MAX_LINE + 1)))
        early = self.ssh()
        early.client.service.openChannel(_session(early))
        early.pump()
        early.type("x" * (MAX_LINE + 1))
        self.assertEqual(early.goodbye, "a line has at most 4096 bytes")

    def test_reader_that_stops(self) -> None:
        """A client that gives no room for the output is cut before that fills the memory."""
        self.table.add([Operation("test.long", lambda: "x" * 100_000, Role.VIEWER, "A long answer")])
        visit = self.terminal()
        visit.protocol._channel.remoteWindowLeft = 0
        for _ in range(MAX_UNREAD // 100_000):
            visit.type("long\r")
        self.assertTrue(visit.protocol.is_connected)
        visit.type("long\r")
        self.assertFalse(visit.protocol.is_connected)

    def test_python(self) -> None:
        """Behind its switch there is Python, where Tab is text."""
        self.use(python=True)
        visit = self.terminal()
        self.assertIn(">>> ", visit.type("python\r"))
        self.assertIn("\r\n2\r\n>>> ", visit.type("1+1\r"))
        self.assertIn(">>>     1", visit.type("\t1"))

    def test_secrets_are_not_logged(self) -> None:
        """A secret among the arguments of a command is not logged, nor is a line that is no command."""
        self.table.add([Operation("test.login", _login, Role.VIEWER, "Takes a token")])
        visit = self.terminal()
        visit.type("test.login netd_geheim\r")
        visit.type("netd_geheim\r")
        self.assertIn("test.login {'token': '…'}", self.log())
        self.assertNotIn("geheim", self.log())


def _echo(text: str) -> str:
    return text


def _login(token: str) -> None:
    """Take a secret."""


def _session(visit: object) -> object:
    from tests.manhole.ssh_visits import Session

    return Session(visit)  # type: ignore[arg-type]


def _done() -> object:
    from twisted.internet.error import ConnectionDone
    from twisted.python.failure import Failure

    return Failure(ConnectionDone())
