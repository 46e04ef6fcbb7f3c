"""Tests of ``netd.principal``: what each principal may do, as one table."""

from __future__ import annotations

from itertools import product

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.errors import NotPermitted, ProtocolError
from netd.principal import (
    ANONYMOUS,
    LOCAL,
    LOCAL_ADMIN,
    LOGIN_FIRST,
    PROVE_FIRST,
    Action,
    Kind,
    Principal,
    Proof,
    Role,
    check,
    may,
)
from tests.command.bench import TEST, answers
from tests.command.bench import Bench as CommandBench
from tests.relay.bench import Relay, event, frames, pairs
from tests.room.bench import Hall
from tests.session.bench import Bench as SessionBench
from tests.session.bench import hello

LOOK = Action("relay.devices", Role.VIEWER)
SEND = Action("relay.send", Role.OPERATOR)
STOP = Action("system.stop", Role.ADMIN)
LOGIN = Action("system.login", Role.NOBODY)
CONNECT = Action("relay.connect", Role.OPERATOR, is_open=True)
ACTIONS = (LOGIN, LOOK, SEND, STOP, CONNECT)

LAMP, PANEL, ALL = "relay.main.sent.lamp", "relay.main.sent.panel", "relay.main.>"


def token(role: Role, *subjects: str) -> Principal:
    """The bearer of a token; confined to *subjects*, if there are any."""
    return Principal("panel", role, subjects or None, Proof.TOKEN, "panel … 9f86")


TABLE = {
    # principal:                                     LOGIN LOOK SEND STOP CONNECT
    "anonymous": (ANONYMOUS, (True, False, False, False, False)),
    "on this machine": (LOCAL, (True, False, False, False, True)),
    "on this machine, without tokens": (LOCAL_ADMIN, (True, True, True, True, True)),
    "viewer": (token(Role.VIEWER), (True, True, False, False, False)),
    "operator": (token(Role.OPERATOR), (True, True, True, False, True)),
    "admin": (token(Role.ADMIN), (True, True, True, True, True)),
    "user of the control socket": (Principal("root", Role.ADMIN, None, Proof.UNIX), (True, True, True, True, True)),
    "user of the manhole": (Principal("ada", Role.ADMIN, None, Proof.PASSWORD), (True, True, True, True, True)),
}
"""What each of them may do where subjects do not matter."""

SUBJECTS = {
    # own subjects:                        LAMP   PANEL  ALL
    (): (True, True, True),  # not confined
    (">",): (True, True, True),
    ("relay.>",): (True, True, True),
    ("relay.main.>",): (True, True, True),
    ("relay.lab2.>",): (False, False, False),
    ("relay.*.sent.panel",): (False, True, False),
    ("relay.main.sent.lamp", "feed.>"): (True, False, False),
    ("relay.main",): (False, False, False),
}
"""What the bearer of a token sees that is confined to those."""


class MayTests(SynchronousTestCase):
    def test_roles(self) -> None:
        """A known principal needs the role, also for what is open to programs without a name; these need nothing else."""
        for who, (principal, expected) in TABLE.items():
            self.assertEqual(expected, tuple(may(principal, action) for action in ACTIONS), who)

    def test_subjects(self) -> None:
        """Who is confined needs the subject on top of the role, and a pattern as a whole; for each action and role alike."""
        for (own, expected), role, action in product(SUBJECTS.items(), Role, ACTIONS):
            allowed = tuple(may(token(role, *own), action, subject) for subject in (LAMP, PANEL, ALL))
            self.assertEqual(allowed, expected if role >= action.role else (False,) * 3, (own, role, action))

    def test_subjects_of_programs(self) -> None:
        """What is open to programs without a name is open on every subject."""
        self.assertEqual([True] * 3, [may(LOCAL, CONNECT, subject) for subject in (LAMP, PANEL, ALL)])

    def test_no_subjects_at_all(self) -> None:
        """A principal that is confined to nothing whatsoever sees nothing."""
        self.assertFalse(may(evolve(token(Role.ADMIN), subjects=()), LOOK, LAMP))

    def test_no_pattern(self) -> None:
        """What is no subject pattern is a fault of the question, and no refusal."""
        self.assertRaises(ValueError, may, token(Role.ADMIN, "relay.>"), LOOK, "relay..lamp")
        self.assertRaises(ValueError, check, token(Role.ADMIN, "relay.>"), LOOK, "relay..lamp")


BE = Action("relay.connect", Role.OPERATOR, frozenset([Kind.DEVICE]), is_open=True, is_own=True)
TELL = Action("relay.send", Role.OPERATOR, frozenset([Kind.DEVICE]), is_open=True, is_sending=True)
READ = Action("feed.read", Role.VIEWER, frozenset([Kind.FEED, Kind.AGENT]), is_open=True)


def program(kind: Kind, only: tuple[str, ...] = (), sends: tuple[str, ...] = ()) -> Principal:
    """The program door-lock, by the token that it has for being one of *kind*."""
    return Principal("door-lock", Role.NOBODY, None, Proof.TOKEN, "door-lock … 9f86", kind, only, sends)


class KindTests(SynchronousTestCase):
    """Programs have no role: each kind may do what names it, and nothing else."""

    def test_kinds(self) -> None:
        """A program may do what is for its kind."""
        for kind in Kind:
            allowed = [may(program(kind), action, None, "door-lock") for action in (BE, READ, LOOK, SEND)]
            self.assertEqual([kind is Kind.DEVICE, kind in (Kind.FEED, Kind.AGENT), False, False], allowed, kind)

    def test_own_name(self) -> None:
        """A device is itself and nobody else; asked about no name yet, nothing stands against it."""
        device = program(Kind.DEVICE)
        self.assertEqual([True, False, True], [may(device, BE, LAMP, name) for name in ("door-lock", "window", None)])

    def test_only(self) -> None:
        """The names of a credential stand in place of its own."""
        device = program(Kind.DEVICE, only=("bell", "window"))
        self.assertEqual([False, True, True], [may(device, BE, None, name) for name in ("door-lock", "window", "bell")])

    def test_sends(self) -> None:
        """A device sends to the devices that its credential names; without any, to nobody."""
        device, mute = program(Kind.DEVICE, sends=("bell",)), program(Kind.DEVICE)
        self.assertEqual([True, False], [may(device, TELL, None, name) for name in ("bell", "door-lock")])
        self.assertEqual([False, False], [may(mute, TELL, None, name) for name in ("bell", "door-lock")])

    def test_users(self) -> None:
        """A user may be any device that its role and subjects allow."""
        self.assertTrue(may(token(Role.OPERATOR, "relay.>"), BE, LAMP, "lamp"))
        self.assertFalse(may(token(Role.OPERATOR, "feed.>"), BE, LAMP, "lamp"))
        self.assertFalse(may(token(Role.VIEWER), BE, LAMP, "lamp"))

    def test_by_address(self) -> None:
        """A program of which only the address is known may do what is open, but for what takes an administrator."""
        shutdown = evolve(BE, role=Role.ADMIN)
        for proof in (Proof.LOOPBACK, Proof.PEERS, Proof.ANYONE):
            somebody = Principal(None, Role.NOBODY, None, proof)
            allowed = [may(somebody, action, LAMP, "lamp") for action in (BE, TELL, READ, LOOK, SEND, shutdown)]
            self.assertEqual([True, True, True, False, False, False], allowed, proof)

    def test_subjects(self) -> None:
        """The subjects of a program's credential hold for it, too."""
        device = evolve(program(Kind.DEVICE), subjects=("relay.lab2.>",))
        self.assertFalse(may(device, BE, LAMP, "door-lock"))

    def test_rights(self) -> None:
        """A role or a kind is a right; an address is none."""
        self.assertEqual([True, True, True], [one.has_rights for one in (LOCAL_ADMIN, token(Role.VIEWER), program(Kind.BOT))])
        self.assertEqual([False, False], [one.has_rights for one in (ANONYMOUS, LOCAL)])


class CheckTests(SynchronousTestCase):
    def refusal(self, principal: Principal, action: Action, subject: str | None = None) -> str:
        """What *principal* is told."""
        self.assertFalse(may(principal, action, subject))
        return str(self.assertRaises(NotPermitted, check, principal, action, subject))

    def test_allowed(self) -> None:
        """Nothing is said."""
        check(token(Role.OPERATOR, "relay.>"), SEND, LAMP)

    def test_nobody(self) -> None:
        """Who has not said who that is, is told how to."""
        self.assertEqual(LOGIN_FIRST, self.refusal(ANONYMOUS, LOOK))

    def test_role(self) -> None:
        """Who has too low a role is told which one it takes."""
        why = "relay.send needs the role operator; this caller has the role viewer"
        self.assertEqual(why, self.refusal(token(Role.VIEWER, "feed.>"), SEND, LAMP))

    def test_other_name(self) -> None:
        """A program that takes a name which is not its own is told whose token it has."""
        why = str(self.assertRaises(NotPermitted, check, program(Kind.DEVICE), BE, None, "window"))
        self.assertEqual("relay.connect for 'window' is not permitted: the device door-lock may do it for door-lock alone", why)
        why = str(self.assertRaises(NotPermitted, check, program(Kind.DEVICE), TELL, None, "bell"))
        self.assertEqual("relay.send for 'bell' is not permitted: the device door-lock may do it for no name at all", why)

    def test_other_kind(self) -> None:
        """A program that does what is for others is told for whom it is."""
        why = "relay.connect needs the role operator, or the token of a device; this caller is the bot door-lock"
        self.assertEqual(why, self.refusal(program(Kind.BOT), BE))
        for_whom = "feed.read needs the role viewer, or the token of an agent, or the token of a feed"
        why = f"{for_whom}; this caller is the bot door-lock"
        self.assertEqual(why, self.refusal(program(Kind.BOT), READ))
        why = "system.stop needs the role admin; this caller is the agent door-lock"
        self.assertEqual(why, self.refusal(program(Kind.AGENT), STOP))

    def test_subject(self) -> None:
        """Who is confined to other subjects is told which it takes, and which there are."""
        why = "relay.send needs a token for the subjects relay.main.sent.lamp; this one is for feed.>, room.>"
        self.assertEqual(why, self.refusal(token(Role.OPERATOR, "feed.>", "room.>"), SEND, LAMP))

    def test_on_a_wire(self) -> None:
        """A refusal is an error of the wires, too: the peer is told it, and it is counted under a name."""
        error = self.assertRaises(NotPermitted, check, token(Role.VIEWER), CONNECT, LAMP)
        self.assertIsInstance(error, ProtocolError)
        self.assertEqual("not permitted", error.kind)


class PrincipalTests(SynchronousTestCase):
    def test_text(self) -> None:
        """The log names what the name is the name of; who has none is known by the address, which stands there anyway."""
        shown = [str(principal) for principal, _ in TABLE.values()]
        self.assertEqual(["", "", "", "token panel", "token panel", "token panel", "user root", "user ada"], shown)

    def test_text_of_programs(self) -> None:
        """A program is named by what it is, whatever proved it."""
        shown = [str(evolve(program(Kind.DEVICE), proof=proof)) for proof in (Proof.TOKEN, Proof.CERTIFICATE)]
        self.assertEqual(["device door-lock"] * 2, shown)
        shown = [str(evolve(token(Role.VIEWER), proof=proof)) for proof in (Proof.CERTIFICATE, Proof.SESSION, Proof.KEY)]
        self.assertEqual(["certificate panel", "token panel", "user panel"], shown)

    def test_secrets(self) -> None:
        """The line of a token does not get into a traceback or a log."""
        self.assertNotIn("9f86", repr(token(Role.ADMIN)))


class WireTests(SynchronousTestCase):
    """On the wires, whoever is at a connection is asked for before anything is done; what it is told is in the wire's own words.

    The wires are open to all who have no name: each other test of theirs shows that.
    """

    KNOWN = token(Role.OPERATOR, "relay.main.presence.panel", "feed.>")
    """One who is confined: to being one device."""

    def why(self, action: str, subject: str) -> str:
        """What it is told."""
        return f"{action} needs a token for the subjects {subject}; this one is for relay.main.presence.panel, feed.>"

    def test_old_device(self) -> None:
        """A device of the first dialect has its host for a subject."""
        device = Relay().connect(port=50412)
        device.peer.principal = self.KNOWN
        told = frames(device.say(encode_frame(b"raspberrypi")))
        why = self.why("relay.connect", "relay.main.presence.127-0-0-1")
        self.assertEqual([f"|error: {why}|".encode()], told)
        self.assertEqual(("not permitted", why), (device.peer.closed, device.why))

    def test_device(self) -> None:
        """One of the second has its name, and learns that it need not try again soon."""
        relay = Relay()
        device = relay.connect()
        device.peer.principal = self.KNOWN
        [(told, _)] = pairs(device.say(encode_frame(b'device {"name": "lamp"}')))
        why = self.why("relay.connect", "relay.main.presence.lamp")
        self.assertEqual({"status": "error", "error": why, "denied": True}, told)
        self.assertEqual([], list(relay.exchange.devices))
        panel = relay.connect()
        panel.peer.principal = self.KNOWN
        [(told, _)] = pairs(panel.say(encode_frame(b'device {"name": "panel"}')))
        self.assertEqual("welcome", told["status"])

    def test_controllers(self) -> None:
        """A controller that may neither list nor send learns so from the answer to what it says first."""
        old, newer = Relay().connect(), Relay().connect()
        old.peer.principal = newer.peer.principal = ANONYMOUS
        self.assertEqual([f"|error: {PROVE_FIRST}|".encode()], frames(old.say(event("|no target|"))))
        [(told, _)] = pairs(newer.say(encode_frame(b"controller {}")))
        self.assertEqual({"status": "error", "error": PROVE_FIRST, "denied": True}, told)
        self.assertEqual((False, False), (old.is_identified, newer.is_identified))

    def test_agents(self) -> None:
        """An agent gets no session, and the session goes on waiting for its own."""
        bench = SessionBench()
        session, _line = bench.await_agent()
        for said in (b"s11\n", hello()):
            side = bench.connect()
            side.peer.principal = self.KNOWN
            side.say(said)
            self.assertEqual(
                (self.why("session.stream", "session.main.10-0-0-5.>"), "not permitted"), (side.why, side.peer.closed)
            )
        bench.connect().say(b"s11\n")
        self.assertEqual("streaming", session.state.value)

    def test_unsolicited_agent(self) -> None:
        """Nor does one that was not asked for."""
        bench = SessionBench(accept_unsolicited=True)
        side = bench.connect()
        side.peer.principal = self.KNOWN
        side.say(b"x1\n")
        self.assertEqual((self.why("session.stream", "session.main.10-0-0-5.>"), []), (side.why, bench.roster.live()))

    def test_bot(self) -> None:
        """A bot gets no place."""
        hall = Hall()
        side = hall.connect()
        side.peer.principal = self.KNOWN
        side.say(b"Lars\n")
        self.assertEqual([f"{self.why('room.join', 'room.main.>')}\n".encode()], side.hear())
        self.assertEqual((0, False), (len(hall.rooms), side.is_identified))

    def test_command(self) -> None:
        """A command is not run; a kept connection goes on."""
        bench = CommandBench()
        for said, is_over in ((TEST, True), (TEST.replace(b"{", b'{"id": 1, ', 1), False)):
            side = bench.connect()
            side.peer.principal = self.KNOWN
            [told] = answers(side.say(said))
            self.assertEqual(("error", self.why("command.run", "command.main.test_command")), (told["status"], told["error"]))
            self.assertEqual(is_over, side.peer.closed is not None)
        self.assertEqual([], bench.ran)
