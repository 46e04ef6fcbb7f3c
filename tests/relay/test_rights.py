"""Tests of :mod:`netd.relay.rights`, and of proofs and reserved names at a relay."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.principal import ANONYMOUS, PROVE_FIRST, Kind, Role
from netd.relay.devices import owner_in_words
from netd.relay.grammar import encode_pair
from tests.relay.bench import Relay, Side, event, frames, pairs

LOCK = "door-lock"


def hello(role: str = "device", **members: Any) -> bytes:
    """The first frame of a newer program."""
    return encode_frame(f"{role} {json.dumps(members)}".encode())


class ProofTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.relay = Relay()
        self.token = self.relay.credentials.add(LOCK, Kind.DEVICE)

    def stranger(self, host: str = "192.168.1.9") -> Side:
        """A connection that its address does not admit."""
        side = self.relay.connect(host)
        side.peer.principal = ANONYMOUS
        return side

    def told(self, side: Side, said: bytes) -> dict[str, Any]:
        """The first envelope in answer to what was *said*."""
        return pairs(side.say(said))[0][0]

    def refused(self) -> list[tuple[str, str]]:
        """The devices that were refused, with their addresses."""
        events: list[Any] = self.relay.bus.events("relay.main.refused")
        return [(one.device, one.address) for one in events]

    def test_token(self) -> None:
        """A device that proves who it is connects from anywhere, and has the name that its credential has."""
        for members in ({"name": LOCK}, {}):
            told = self.told(self.stranger(), hello(token=self.token, **members))
            self.assertEqual(("welcome", LOCK), (told["status"], told["name"]))
        self.assertEqual([(Kind.DEVICE, Kind.USER)] * 2, self.relay.credentials.shown)

    def test_no_proof(self) -> None:
        """A stranger without one is told what it takes, in its own dialect, and is nothing."""
        self.assertEqual({"status": "error", "error": PROVE_FIRST, "denied": True}, self.told(self.stranger(), hello(name="gh")))
        self.assertEqual([f"|error: {PROVE_FIRST}|".encode()], frames(self.stranger().say(encode_frame(b"raspberrypi"))))
        self.assertEqual([f"|error: {PROVE_FIRST}|".encode()], frames(self.stranger().say(event("|no target|"))))
        self.assertEqual([], list(self.relay.exchange.devices))

    def test_wrong_proof(self) -> None:
        """A wrong token is not forgiven, whatever the address."""
        for side in (self.stranger(), self.relay.connect()):
            told = self.told(side, hello(name="gh", token="netd_made-up"))
            self.assertEqual(("unknown token", True), (told["error"], told["denied"]))
            self.assertEqual("not permitted", side.peer.closed)

    def test_no_token_at_all(self) -> None:
        """A token that is none is a mistake of the program, like any other in a hello."""
        for wrong in (5, ["netd_x"], "netd_" + "x" * 500):
            side = self.relay.connect()
            self.assertIn(b"|error: `token` is a text", side.say(hello(name="gh", token=wrong)))
            self.assertEqual("bad token", side.peer.closed)

    def test_marks_and_nuls(self) -> None:
        """A byte order mark before the hello, and NULs behind it, cost a device with a token as little as another."""
        said = f'device {{"name": "{LOCK}", "token": "{self.token}"}}'.encode()
        for content in (b"\xef\xbb\xbf" + said, said + b"\0\0", b" " + said + b"\r\n"):
            self.assertEqual("welcome", self.told(self.stranger(), encode_frame(content))["status"], content)

    def test_every_cut(self) -> None:
        """However the hello is cut, it proves the same; half of one proves nothing."""
        said = hello(name=LOCK, token=self.token)
        for cut in range(1, len(said)):
            side = self.stranger()
            self.assertEqual(b"", side.say(said[:cut]))
            self.assertIs(ANONYMOUS, side.peer.principal)
            self.assertIn(b"welcome", side.say(said[cut:]))

    def test_huge(self) -> None:
        """A hello of more than 4 KiB is refused by its header."""
        side = self.stranger()
        self.assertIn(b"|error: ", side.say(b"5000".ljust(64)))

    def test_other_name(self) -> None:
        """A device with another's token, or with its own for another's name, is refused, and that is an event."""
        self.relay.credentials.add("window", Kind.DEVICE)
        told = self.told(self.stranger("10.0.0.9"), hello(name="window", token=self.token))
        self.assertEqual((True, True), ("door-lock may do it for door-lock alone" in told["error"], told["denied"]))
        told = self.told(self.stranger("10.0.0.9"), hello(name=LOCK, aliases=["bell"], token=self.token))
        self.assertIn("relay.connect for 'bell' is not permitted", told["error"])
        self.assertEqual(["window", LOCK], [device for device, _ in self.refused()])

    def test_reserved(self) -> None:
        """Nobody is a device with a credential without its token: not on this machine, nor as an alias, nor as an operator."""
        operator = self.relay.credentials.add("ops", Kind.USER, Role.ADMIN)
        for members in ({"name": LOCK}, {"name": "x", "aliases": [LOCK]}, {"name": LOCK, "token": operator}):
            told = self.told(self.relay.connect(), hello(**members))
            self.assertIn("the name 'door-lock' belongs to the device whose credential has it", told["error"])
            self.assertTrue(told["denied"])
        self.assertEqual([LOCK] * 3, [device for device, _ in self.refused()])

    def test_reserved_by_host(self) -> None:
        """The configuration gives a reserved name to no device that cannot prove it."""
        relay = Relay(host_names={"10.0.0.7": LOCK})
        relay.credentials.add(LOCK, Kind.DEVICE)
        [told] = frames(relay.connect("10.0.0.7").say(encode_frame(b"raspberrypi")))
        self.assertIn(b"belongs to the device", told)
        self.assertEqual(b"", relay.connect("10.0.0.8").say(encode_frame(b"raspberrypi")))

    def test_old_device_with_certificate(self) -> None:
        """A device of the first dialect that has proved itself another way has the name of its credential."""
        side = self.stranger()
        self.relay.credentials.prove(side.peer, self.token, Kind.DEVICE)
        self.assertEqual(b"", side.say(encode_frame(b"raspberrypi")))
        self.assertEqual([LOCK], [link.name for link in self.relay.exchange.devices])

    def test_replayed(self) -> None:
        """A device that connects again with the same token, or with a rotated one, takes over at once, from any address."""
        first = self.stranger("10.0.0.1")
        first.say(hello(name=LOCK, token=self.token))
        second = self.stranger("10.0.0.2")
        rotated = self.relay.credentials.add(LOCK, Kind.DEVICE, number=2)
        self.assertEqual("welcome", self.told(second, hello(name=LOCK, token=rotated))["status"])
        self.assertTrue(pairs(first.hear())[0][0]["replaced"])

    def test_other_nodes(self) -> None:
        """Of a device that has proved itself, other nodes are told the name of its credential, which they have, too."""
        self.stranger().say(hello(name=LOCK, token=self.token))
        self.relay.connect("10.0.0.7").say(hello(name="gh"))
        known = {link.name: owner_in_words(link) for link in self.relay.exchange.devices}
        self.assertEqual({LOCK: f"device {LOCK}", "gh": ""}, known)

    def test_take_over(self) -> None:
        """A name without a credential is not taken from another address while its device lives, which is probed."""
        first = self.relay.connect("127.0.0.1")
        first.say(hello(name="gh"))
        told = self.told(self.relay.connect("192.168.1.9", 5), hello(name="gh"))
        self.assertIn("the name 'gh' is held by the device at 127.0.0.1:", told["error"])
        self.assertEqual((True, 1, [("gh", "('192.168.1.9', 5)")]), (told["denied"], first.peer.probes, self.refused()))
        self.assertIsNone(first.peer.closed)
        known = self.relay.credentials.add("ops", Kind.USER, Role.OPERATOR)
        self.assertTrue(self.told(self.relay.connect("127.0.0.1"), hello(name="gh", token=known))["denied"])


class SendTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.relay = Relay()
        self.bell, self.lock = self.relay.device(name="bell", aliases=["ding"]), self.relay.device(name="lamp")
        for device in (self.bell, self.lock):
            device.hear()

    def controller(self, *, hello_of: str = "controller", **rights: Any) -> Side:
        """A controller with a credential."""
        token = self.relay.credentials.add("ctl", rights.pop("kind", Kind.DEVICE), **rights)
        side = self.relay.connect("192.168.1.9")
        self.welcome = pairs(side.say(hello(hello_of, token=token)))[0][0]
        return side

    def ask(self, side: Side, **members: Any) -> dict[str, Any]:
        """The last envelope in answer to a request."""
        found: dict[str, Any] = pairs(side.say(encode_pair({"id": 1, **members}, b"x")))[-1][0]
        return found

    def test_sends(self) -> None:
        """A device with `send=bell` sends to the bell, by any of its names, and to nothing else."""
        side = self.controller(sends=("bell",))
        self.assertEqual("welcome", self.welcome["status"])
        for target in ("bell", "ding"):
            self.assertEqual("sent", pairs(side.say(encode_pair({"id": target, "to": target}, b"x")))[-1][0]["status"])
        for target in ("lamp", "('127.0.0.1', 50413)", "nothing", "bell@north"):
            told = self.ask(side, to=target)
            self.assertEqual(("failed", True, True), (told["status"], told["final"], told["denied"]), target)
            self.assertIn("relay.send for ", told["error"])
        self.assertEqual(b"", self.lock.hear())
        self.assertEqual([("not permitted", b"")] * 4, side.refused)

    def test_sender(self) -> None:
        """Who sent a message is told by the proof: for people, with the address; the device sees the address alone."""
        self.relay.bus.subscribe("relay.main.outcome.*", lambda message: None)
        self.ask(self.controller(sends=("bell",)), to="bell")
        [(envelope, _)] = pairs(self.bell.hear())
        self.assertRegex(envelope["from"], r"^\('192\.168\.1\.9', [0-9]+\)$")
        self.bell.say(encode_pair({"id": envelope["id"], "status": "acknowledged"}))
        events: list[Any] = self.relay.bus.events("relay.main.outcome.bell")
        self.assertRegex(events[-1]["from"], r"^device ctl, 192\.168\.1\.9:[0-9]+$")

    def test_list_needs_a_role(self) -> None:
        """A device may not see which others there are; a viewer may, and sends nothing."""
        self.assertIn("relay.list needs the role viewer", self.ask(self.controller(sends=("bell",)), list=True)["error"])
        viewer = self.controller(kind=Kind.USER, role=Role.VIEWER)
        self.assertEqual(["bell", "lamp"], [one["name"] for one in self.ask(viewer, list=True)["devices"]])
        self.assertIn("relay.send needs the role operator", self.ask(viewer, to="bell")["error"])

    def test_subjects(self) -> None:
        """A token that is confined to some devices sees these, and sends to these."""
        subjects = ("relay.main.*.bell",)
        side = self.controller(kind=Kind.USER, role=Role.OPERATOR, subjects=subjects)
        self.assertEqual(["bell"], [one["name"] for one in self.ask(side, list=True)["devices"]])
        self.assertEqual("sent", self.ask(side, to="bell")["status"])
        self.assertIn("'lamp' is none of the devices that the token ctl may send to", self.ask(side, to="lamp")["error"])

    def test_old_controller(self) -> None:
        """A controller of the first dialect, known by a certificate, gets each refusal as the answer to its event."""
        token = self.relay.credentials.add("ctl", Kind.USER, Role.OPERATOR, subjects=("relay.main.*.bell",))
        side = self.relay.connect()
        self.relay.credentials.prove(side.peer, token, Kind.USER)
        self.assertEqual([b"('127.0.0.1', 50412),"], frames(side.say(event("|no target|"))))
        for payload in (b"conecting", b"x"):
            [told] = frames(side.say(event("lamp", payload)))
            self.assertIn(b"|error: 'lamp' is none of the devices", told)
        self.assertEqual([b"data succesfully sent"] * 2, frames(side.say(event("bell", b"x"), event("bell", b"x"))))
        self.assertIn(b"none of the devices", side.say(event("lamp", b"x") * 2))
        self.assertEqual((b"", None), (self.lock.hear(), side.peer.closed))

    def test_open(self) -> None:
        """Whoever is admitted by the address alone does all that it did."""
        side = self.relay.controller()
        self.assertEqual("sent", self.ask(side, to="lamp")["status"])
        self.assertEqual(2, len(self.ask(side, list=True)["devices"]))
