"""The devices of all nodes as one: lists, messages from node to node, and names that move; over a server that is played."""

from __future__ import annotations

from typing import Any, ClassVar

from netd.cluster.freight import BODY, pack
from netd.cluster.member import Member
from netd.cluster.names import MOST_MET
from netd.cluster.sending import LATE, MOST_OPEN, SWEEP
from netd.codec.jsontext import decode, encode
from netd.errors import NoSuchTarget, NotPermitted, OperationFailed
from netd.message import Message
from netd.operations import Role
from netd.principal import Principal, Proof
from netd.relay.devices import DeviceHello
from netd.relay.grammar import encode_pair
from netd.relay.results import SendResult
from netd.testing import RecordingPeer, make_caller
from tests.cluster.relays import RelayNode, RelayNodesBench, answer, frames, pairs
from tests.relay.bench import event


def heard_outcomes(node: RelayNode) -> list[tuple[str, ...]]:
    """The events of outcomes that the relay of *node* publishes from now on."""
    heard: list[tuple[str, ...]] = []

    def take(message: Message) -> None:
        event = decode(message.encoded(encode))
        heard.append((message.subject, *(event[member] for member in ("device", "from", "request", "status", "error"))))

    node.bus.subscribe("relay.main.outcome.*", take)
    return heard


class ListTests(RelayNodesBench):
    """What a node knows of the devices of others."""

    def test_learned(self) -> None:
        """Devices that were there before, and those that come later, are known on the other node; gone ones as gone."""
        self.b.device("greenhouse")
        c = RelayNode(self.net, "C").start()
        self.wait(1.5)
        self.assertEqual({"greenhouse@B": True}, c.known())
        oven = self.b.device("oven")
        self.wait()
        self.assertEqual({"greenhouse@B": True, "oven@B": True}, c.known())
        oven.lose()
        self.wait()
        self.assertEqual({"greenhouse@B": True, "oven@B": False}, c.known())

    def test_long_list(self) -> None:
        """Thousands of devices come in parts."""
        for number in range(2300):
            self.b.relay._exchange.connect(RecordingPeer(), "10.0.0.7", number, DeviceHello(f"d{number}"))
        c = RelayNode(self.net, "C").start()
        self.wait(1.5)
        self.assertEqual(2300, len(c.known()))

    def test_too_long_a_list(self) -> None:
        """A node whose devices are too many to be known is asked for no more of them, but names move on from its generation."""
        for number in range(2300):
            self.b.relay._exchange.connect(RecordingPeer(), "10.0.0.7", number, DeviceHello(f"d{number}"))
        c = RelayNode(self.net, "C")
        c.devices.directory._most = 900
        c.start()
        self.wait(3.0)
        self.assertEqual({}, c.known())
        asked = [size for subject, size in self.net.traffic if subject == "netd.lab.node.B.ask" and size > 40]
        self.assertEqual([], asked)  # which say where to go on
        self.assertEqual(self.b.relay.raise_generation(0), c.relay.raise_generation(0))

    def test_wrong_place(self) -> None:
        """Who asks for a list from nowhere on is refused, and nothing is logged."""
        for after in (["main"], ["main", "x"], [None, 5], 7):
            asked = self.a.nodes.ask("B", "devices", after)
            self.wait()
            self.failureResultOf(asked, OperationFailed)
        self.assertEqual([], self.flushLoggedErrors())

    def test_nameless(self) -> None:
        """A device without a name is known by its address while it is connected."""
        device = self.b.device("", host="10.0.0.8")
        self.wait()
        [known] = self.a.known()
        self.assertIn("('10.0.0.8', ", known)
        device.lose()
        self.wait()
        self.assertEqual({}, self.a.known())

    def test_gone(self) -> None:
        """When a node is gone its devices are told to be offline, once, and are back when it is."""
        self.b.device("greenhouse")
        self.wait()
        self.a.heard()
        self.b.link.go_down()
        self.wait(5)
        self.assertEqual([("relay.main@B.presence.greenhouse", False, "node B is gone")], self.a.heard())
        self.assertEqual({"greenhouse@B": False}, self.a.known())
        self.b.link.go_up()
        self.wait(5)
        self.assertEqual({"greenhouse@B": True}, self.a.known())
        self.assertEqual([("relay.main@B.presence.greenhouse", True, "")], self.a.heard())

    def test_last_seen_of_a_node_that_is_gone(self) -> None:
        """A device whose node dies was seen when that was, though nothing told of the device since it had connected."""
        self.b.wall.offset += 3600.0
        self.b.device("greenhouse")
        self.wait(500)
        dies = self.b.wall()
        self.b.link.die()
        self.wait(20)
        [device] = self.a.devices.directory
        self.assertFalse(device.is_online)
        self.assertTrue(dies - 1.5 < device.last_seen <= dies + 0.1, device.last_seen - dies)

    def test_last_seen_of_a_node_that_went_unheard(self) -> None:
        """What died while this node had no NATS was seen when NATS was lost, and not when it came back."""
        self.b.device("greenhouse")
        self.wait(500)
        lost = self.a.wall()
        self.a.link.go_down()
        self.b.link.die()
        self.wait(900)
        self.a.link.go_up()
        self.wait(20)
        [device] = self.a.devices.directory
        self.assertEqual((False, lost), (device.is_online, device.last_seen))

    def test_unreachable(self) -> None:
        """A node that has lost NATS knows nothing of others' devices, and tells nobody that they are offline."""
        self.b.device("greenhouse")
        self.wait()
        self.a.heard()
        self.a.link.go_down()
        self.wait(1)
        self.assertEqual([], self.a.heard())
        self.assertIsNotNone(self.a.devices.directory.nodes["B"].as_of)
        self.assertEqual([], list(self.a.devices.elsewhere()))
        self.a.link.go_up()
        self.wait(5)
        self.assertIsNone(self.a.devices.directory.nodes["B"].as_of)
        self.assertEqual([], self.a.heard())

    def test_changed_meanwhile(self) -> None:
        """What has come and gone while a node had no NATS is told when it has the list."""
        left, _ = self.b.device("left"), self.b.device("stays")
        nameless = self.b.device("", host="10.0.0.8")
        self.wait()
        self.a.link.go_down()
        left.lose()
        nameless.lose()
        self.wait(1)
        self.a.heard()
        self.a.link.go_up()
        self.wait(5)
        self.assertEqual({"left@B": False, "stays@B": True}, self.a.known())
        told = {subject.rpartition(".")[2]: is_online for subject, is_online, _ in self.a.heard()}
        self.assertEqual({"left": False, "10-0-0-8": False}, told)

    def test_lost(self) -> None:
        """When events are lost, the list is fetched once more, and tells which devices have come or gone."""
        left = self.b.device("left")
        self.wait()
        self.net.partition({"A"}, {"B"})
        left.lose()
        self.b.device("came")
        self.wait(0.1)
        self.net.heal()
        self.assertEqual({"left@B": True}, self.a.known())
        self.net.traffic.clear()
        self.wait(4)
        self.assertEqual({"left@B": False, "came@B": True}, self.a.known())
        self.assertEqual(1, [subject for subject, _ in self.net.traffic].count("netd.lab.node.B.ask"))

    def test_forgotten(self) -> None:
        """A device that its node forgets is not known elsewhere, either."""
        self.b.device("greenhouse").lose()
        self.wait()
        self.b.relay.forget(make_caller(), "greenhouse")
        self.wait(4.0)
        self.assertEqual({}, self.a.known())

    def test_closed(self) -> None:
        """A node that grants nothing does not show its devices, nor that they change; it sees those of others."""
        closed = RelayNode(self.net, "C", grant="nothing")
        pump = closed.device("pump")
        closed.start()
        self.b.device("oven")
        self.wait(3)
        said = closed.devices._marks.sum
        closed.device("lamp")
        pump.lose()
        self.wait(3)
        self.assertEqual(said, closed.devices._marks.sum)
        answers = self.a.nodes.ask("C", "devices", None)
        self.wait()
        self.assertEqual([], self.successResultOf(answers)["rows"])
        self.assertEqual({"oven@B": True}, closed.known())

    def test_forgotten_node(self) -> None:
        """A node that has been gone for long is forgotten with its devices."""
        self.b.device("greenhouse")
        self.wait()
        self.b.link.go_down()
        self.wait(620)
        self.assertEqual({}, self.a.devices.directory.nodes)

    def test_hostile_list(self) -> None:
        """Rows that are none, and answers that are none, change nothing."""
        member = self.a.nodes.members["B"]
        self.assertIsNone(self.a.devices._take_part(Member("stranger", self.a.nodes), {"rows": []}))
        for told in (
            None,
            {},
            {"rows": 5},
            {"first": True, "rows": [], "after": ["main", 5], "generation": -1},
            {"first": True, "rows": [None, [], ["main"] * 10, ["main", "x.y", *[""] * 8]]},
        ):
            self.assertIsNone(self.a.devices._take_part(member, told))
        self.assertEqual({}, self.a.known())


class CarryTests(RelayNodesBench):
    """Messages to devices of another node."""

    def test_acknowledged(self) -> None:
        """The device answers, and the caller at the other node has the answer."""
        device = self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        self.assertEqual([], told)
        self.assertEqual(b"water", answer(device))
        self.wait()
        self.assertEqual([SendResult("acknowledged", answer=b"done")], told)
        self.assertEqual(0, self.a.devices.sending.waiting)

    def test_refused(self) -> None:
        """A refusal is the device's own: it has got the message."""
        device = self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        answer(device, b"", status="failed", error="out of oil")
        self.wait()
        self.assertEqual([SendResult("failed", "out of oil", b"", "yes")], told)

    def test_long(self) -> None:
        """Payloads that are longer than a message of NATS come whole, either way, among others."""
        device = self.b.device("greenhouse")
        self.wait()
        long = "x" * 1_000_000
        self.a.send("greenhouse", "one")
        self.a.send("greenhouse", long)
        short = self.a.send("greenhouse", "two")
        self.wait()
        said = pairs(device.heard())
        self.assertEqual([3, 1_000_000, 3], [len(payload) for _, payload in said])
        for envelope, payload in said:
            device.say(encode_pair({"id": envelope["id"], "status": "acknowledged"}, payload))
        self.wait()
        self.assertEqual([SendResult("acknowledged", answer=b"two")], short)
        self.assertTrue(max(size for _, size in self.net.traffic) < 512 * 1024)

    def test_one_message_a_turn(self) -> None:
        """What a turn sends to a node is one message, and so are the outcomes."""
        self.b.device("greenhouse")
        self.wait()
        self.net.traffic.clear()
        for _ in range(10):
            self.a.send("greenhouse")
        self.wait(0.02)
        subjects = [subject.rpartition(".")[2] for subject, _ in self.net.traffic]
        self.assertEqual(["carry", "outcome"], subjects)

    def test_sent(self) -> None:
        """Whoever does not wait for the answer is told that the operating system of the other node has the message."""
        self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse", wait=False)
        self.wait()
        self.assertEqual([SendResult("sent")], told)

    def test_nobody(self) -> None:
        """A device that no node knows is told as ever."""
        [error] = self.a.send("nobody")
        self.assertIsInstance(error, NoSuchTarget)

    def test_named_node(self) -> None:
        """A target can name its node: this one, another, one that does not have it, one that there is not."""
        here, there = self.a.device("oven"), self.b.device("oven", host="10.0.0.8")
        self.wait()
        self.a.send("oven@A", "here")
        self.a.send("oven@B", "there")
        missing = self.a.send("lamp@B")
        self.wait()
        self.assertEqual([b"here", b"there"], [answer(here), answer(there)])
        self.assertIsInstance(missing[0], NoSuchTarget)
        [error] = self.a.send("oven@Z")
        self.assertIn("there is no node Z", str(error))

    def test_alias_and_address(self) -> None:
        """A device of another node is reached by an alias, and by its address in any spelling."""
        device = self.b.device("greenhouse", aliases=["glass"])
        self.wait()
        port = pairs(device.transport.value() or b"") or self.b.relay.devices(make_caller()).rows[0].address
        for target in ("glass", port, "9.9.9.7:50000"):
            told = self.a.send(target)
            self.wait()
            answer(device)
            self.wait()
            self.assertEqual("acknowledged", told[0].status)

    def test_queued(self) -> None:
        """The node that had a device last keeps a message for it."""
        for node in (self.a, self.b):
            node.relay.follow(type(node.config)(node=node.name, queue_for=60.0))
        self.b.device("greenhouse").lose()
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        self.assertEqual([SendResult("queued")], told)
        self.assertEqual([b"water"], [payload for _, payload in pairs(self.b.device("greenhouse").greeted)[1:]])

    def test_away(self) -> None:
        """A device that is away, without a queue, was certainly not reached."""
        self.b.device("greenhouse").lose()
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        self.assertEqual([SendResult("failed", "the device is away", b"", "no")], told)

    def test_expired(self) -> None:
        """A device that does not answer in time has been handed the message."""
        self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse", deadline=2.0)
        self.wait(2.1)
        self.assertEqual([SendResult("expired", "the deadline passed", known="yes")], told)

    def test_lost_outcome(self) -> None:
        """An outcome that is lost on the way expires at the sender, a second after the deadline; a late one is counted."""
        device = self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse", deadline=2.0)
        self.wait()
        self.net.faults.drop = 1.0
        answer(device)
        self.wait(0.1)
        self.net.heal()
        self.wait(2 + LATE + 2 * SWEEP)
        self.assertEqual([SendResult("expired", "node B has not told in time", known="maybe")], told)

    def test_late_outcome(self) -> None:
        """An outcome that comes when the message has failed already is counted, and told to nobody."""
        device = self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        self.a.link.go_down()
        self.a.link.go_up()
        self.assertEqual("maybe", told[0].known)
        self.assertIn("cannot be reached", told[0].error)
        answer(device)
        self.wait(5)
        self.assertEqual((1, 1), (len(told), self.a.devices.counters()["answers_dropped"]))

    def test_gone(self) -> None:
        """A node that dies with a message may have handed it over."""
        self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        self.assertEqual({"A": 1}, self.b.devices.delivering._open)
        self.b.link.die()
        self.wait(5)
        self.assertEqual(("failed", "maybe"), (told[0].status, told[0].known))
        self.assertIn("node B is gone", told[0].error)

    def test_leaving(self) -> None:
        """A node that leaves the cluster, and runs on, says so of the messages that have no outcome yet."""
        self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        self.a.devices.stop()
        self.assertEqual(("failed", "maybe"), (told[0].status, told[0].known))
        self.assertIn("this node has left the cluster", told[0].error)

    def test_nothing_is_kept(self) -> None:
        """Nothing is kept of messages that have their last outcome, nor of a node that is gone with half a message."""
        device = self.b.device("greenhouse")
        self.wait()
        self.a.send("greenhouse")
        self.wait()
        answer(device)
        [half, *_], *_ = pack("A", "A0", [((7, "main", "greenhouse", "", "", None), b"x" * BODY * 2)])
        self.a.link.send("netd.lab.node.B.carry", half)
        self.wait()
        delivering = self.b.devices.delivering
        self.assertEqual(({}, ["A"]), (delivering._open, list(delivering._pieces)))
        self.a.link.die()
        self.wait(5)
        self.assertEqual({}, delivering._pieces)

    def test_before(self) -> None:
        """What cannot be published was certainly not handed over: no NATS, no such node any more, lost within the turn."""
        self.b.device("greenhouse")
        self.wait()
        self.a.link.go_down()
        no_nats = self.a.send("greenhouse")
        self.a.link.go_up()
        self.wait(5)
        lost = self.a.send("greenhouse")
        self.a.link.is_up = False
        self.clock.advance(0)
        self.a.link.is_up = True
        self.b.link.go_down()
        self.wait(5)
        gone = self.a.send("greenhouse")
        for [outcome], word in ((no_nats, "no connection to NATS"), (lost, "just lost"), (gone, "is not there")):
            self.assertEqual(("failed", "no"), (outcome.status, outcome.known))
            self.assertIn(word, outcome.error)
            self.assertIn("nothing was sent", outcome.error)

    def test_event_of_what_has_not_left(self) -> None:
        """A message that has not left its node has the event of its outcome there; of one that has, the device's node tells."""
        device = self.b.device("greenhouse")
        self.wait()
        here, there = heard_outcomes(self.a), heard_outcomes(self.b)
        self.a.send("greenhouse")
        self.wait()
        answer(device)
        self.b.devices.delivering.stop()
        self.wait()
        self.a.send("greenhouse")
        self.wait(0.1)
        self.a.link.go_down()
        self.a.send("greenhouse")
        unheard = "node B is not there; nothing was sent"
        no_nats = "node B cannot be reached, because this one has no connection to NATS; nothing was sent"
        event = ("relay.main.outcome._", "greenhouse@B", "token test, console", "water", "failed")
        self.assertEqual([(*event, unheard), (*event, no_nats)], here)
        told = ("relay.main.outcome.greenhouse", "greenhouse", "token test, console, node A", "water", "acknowledged", "")
        self.assertEqual([told], there)

    def test_nobody_there(self) -> None:
        """NATS tells at once that nobody takes the messages of a node."""
        self.b.device("greenhouse")
        self.wait()
        self.b.devices.delivering.stop()
        told = self.a.send("greenhouse")
        self.wait(0.1)
        self.assertEqual([SendResult("failed", "node B is not there; nothing was sent", b"", "no")], told)

    def test_doubled(self) -> None:
        """A message that the network doubles reaches the device once."""
        device = self.b.device("greenhouse")
        self.wait()
        self.net.faults.double = 1.0
        told = self.a.send("greenhouse", "x" * 600_000)
        self.wait()
        self.assertEqual(1, len(pairs(device.heard())))
        self.assertEqual([], told)
        self.assertEqual(1, self.b.devices.counters()["doubles"])

    def test_grant(self) -> None:
        """A node that grants others less lets nothing through."""
        RelayNode(self.net, "C", grant="viewer").start().device("greenhouse")
        self.wait(1.5)
        told = self.a.send("greenhouse")
        self.wait()
        self.assertEqual(("failed", "no"), (told[0].status, told[0].known))
        self.assertIn("sending needs operator", told[0].error)

    def test_confined(self) -> None:
        """A token for this node's relay does not reach another's; one for all does."""
        self.b.device("greenhouse")
        self.wait()
        [error] = self.a.send("greenhouse", caller=make_caller(Role.OPERATOR, ("relay.main.>",)))
        self.assertIsInstance(error, NotPermitted)
        told = self.a.send("greenhouse", caller=make_caller(Role.OPERATOR, ("relay.main@B.>",)), wait=False)
        self.wait()
        self.assertEqual([SendResult("sent")], told)

    def test_too_long(self) -> None:
        """A payload that the other relay does not take was not handed over."""
        self.b.device("greenhouse")
        self.wait()
        self.b.relay.follow(type(self.b.config)(node="B", max_payload=10))
        told = self.a.send("greenhouse", "x" * 11)
        self.wait()
        self.assertEqual("no", told[0].known)

    def test_no_relay(self) -> None:
        """A relay that its node has stopped is told, and its devices are not known any more."""
        self.b.device("greenhouse")
        self.wait()
        self.b.carriage.hosts.clear()
        told = self.a.send("greenhouse")
        self.wait()
        self.assertEqual("node B has no relay main", told[0].error)
        self.b.carriage.changed()
        self.wait(4.0)
        self.assertEqual({}, self.a.known())

    def test_outcome_of_the_process_before(self) -> None:
        """An outcome that a killed process has sent, and that comes late, is not taken for one of the process after it."""
        self.b.device("greenhouse")
        self.wait()
        self.a.send("greenhouse")
        self.wait()
        self.b.link.die()
        again = RelayNode(self.net, "B", "b").start()
        self.wait(1.0)
        again.device("greenhouse")
        self.wait(0.5)
        told = self.a.send("greenhouse")
        self.wait()
        for body, _ in pack("B", self.a.nodes.epoch, [((1, "acknowledged", True, "", "", None), b"late")]):
            again.link.send("netd.lab.node.A.outcome", body)
        self.wait()
        self.assertEqual(([], 1), (told, self.a.devices.counters()["answers_dropped"]))

    def test_bounded(self) -> None:
        """So many messages without an outcome, and no more."""
        self.b.device("greenhouse")
        self.wait()
        for _ in range(MOST_OPEN):
            self.a.send("greenhouse")
        [outcome] = self.a.send("greenhouse")
        self.assertEqual("no", outcome.known)
        self.a.devices.stop()

    def test_restarted(self) -> None:
        """A node that is started again counts from 1, and so do those that send to it."""
        self.b.device("greenhouse")
        self.wait()
        first = self.a.send("greenhouse")
        self.wait()
        self.b.link.die()
        again = RelayNode(self.net, "B", epoch="again").start()
        device = again.device("greenhouse")
        self.wait(5)
        second = self.a.send("greenhouse")
        self.wait()
        answer(device)
        self.wait()
        self.assertEqual(["maybe", "acknowledged"], [first[0].known, second[0].status])

    def test_stopped(self) -> None:
        """What waits when a node leaves has failed."""
        self.b.device("greenhouse")
        self.wait()
        sent = self.a.send("greenhouse")
        self.wait()
        unsent = self.a.send("greenhouse")
        self.a.devices.stop()
        self.assertEqual(["maybe", "no"], [sent[0].known, unsent[0].known])

    def test_wrong_outcomes(self) -> None:
        """Outcomes that are none are counted, and the message has its one last outcome all the same."""
        self.b.device("greenhouse")
        self.wait()
        told = self.a.send("greenhouse")
        self.wait()
        wrong: list[Any] = [("queued", True, ""), ("acknowledged", False, ""), ("failed", False, "no")]
        wrong += [(["sent"], True, ""), ("failed", True, [])]
        for status, is_final, known in wrong:
            for body, _ in pack("B", "A0", [((1, status, is_final, "", known, None), b"")]):
                self.b.link.send("netd.lab.node.A.outcome", body)
        self.wait(0.1)
        self.assertEqual(([], 5), (told, self.a.devices.sending.counts["bad freight"]))
        self.wait(30)
        self.assertEqual(["expired"], [outcome.status for outcome in told])

    def test_hostile(self) -> None:
        """Bytes that are no freight are counted, on either side."""
        row = '{"node": "A", "epoch": "A0", "rows": [%s]}\n'
        names = b'{"node": "A B", "epoch": "A0", "rows": []}\n', b'{"node": "A", "epoch": ">", "rows": []}\n'
        wrong = [b"", b"{}\n", b"\xff\n", b'{"node": 1}\n', *names, *((row % rows).encode() for rows in WRONG_ROWS)]
        stranger = self.net.link("stranger")
        stranger.start()
        self.wait()
        for body in wrong:
            for subject in ("node.A.outcome", "node.B.carry", "node.B.claim"):
                stranger.send(f"netd.lab.{subject}", body)
        self.wait()
        self.assertEqual(len(wrong), self.b.devices.delivering.counts["bad freight"])
        self.assertEqual(0, self.b.devices.delivering.counts["delivered"])


WRONG_ROWS = (
    "5",
    "[]",
    '[1, "main", "x", "", "", null, 1, 0, 1]',
    '[1, "main", "x", "", "", null, -1, 0, 1]',
    '[1, "main", "x", "", "", null, 0, 1, 0]',
    '["1", "main", "x", "", "", null, 0, 0, 0]',
    '[1, "main", 5, "", "", null, 0, 0, 0]',
    '[1, "main", "x", "", "", 0, 0, 0, 0]',
    f'[1, "main", "x", "", "", 1{"0" * 400}, 0, 0, 0]',
)


class MoveTests(RelayNodesBench):
    """Names that move from node to node."""

    def test_moves(self) -> None:
        """A device that connects to another node has moved: its old connection is told, and is closed."""
        old = self.a.device("greenhouse")
        self.wait()
        new = self.b.device("greenhouse")
        self.wait()
        [(told, _)] = pairs(old.heard())
        self.assertIs(True, told["replaced"])
        self.assertTrue(old.is_closing)
        self.assertFalse(new.is_closing)
        self.assertEqual({"greenhouse@B": True}, self.a.known())
        self.assertEqual({"greenhouse@A": False}, self.b.known())
        sent = self.a.send("greenhouse")
        self.wait()
        answer(new)
        self.wait()
        self.assertEqual("acknowledged", sent[0].status)

    def test_late_death(self) -> None:
        """The end of the old connection, which is told late, changes nothing: its generation is lower, whatever the clocks."""
        c = RelayNode(self.net, "C").start()
        self.a.wall.step(3600)
        old = self.a.device("greenhouse")
        self.wait(1.5)
        self.net.partition({"A"}, {"B", "C"})
        self.wait(5)
        self.b.device("greenhouse")
        self.wait(1)
        self.net.heal()
        old.lose()
        self.wait(5)
        sent = c.send("greenhouse", wait=False)
        self.wait()
        self.assertEqual([SendResult("sent")], sent)
        generations = {device.node: device.generation for device in c.devices.directory.named("greenhouse")}
        self.assertGreater(generations["B"], generations["A"])

    def test_clocks_apart(self) -> None:
        """A node whose clock is an hour slow gives a device that moves to it a higher generation all the same."""
        self.b.wall.step(-3600)
        self.a.device("greenhouse")
        self.wait()
        self.b.device("greenhouse")
        self.wait()
        self.assertEqual({"greenhouse@B": True}, self.a.known())
        self.assertEqual([False], [row.online for row in self.a.relay.devices(make_caller()).rows])

    def test_both_at_once(self) -> None:
        """Of two connections that do not know of each other yet, the newer one stays, and one alone."""
        first, second = self.a.device("greenhouse"), self.b.device("greenhouse")
        self.wait(1)
        self.assertEqual([False, True], sorted([first.is_closing, second.is_closing]))

    def test_met(self) -> None:
        """Two nodes that meet with one name cut nobody; whoever sends has to say which, until one of the two reconnects."""
        self.net.partition({"A"}, {"B"})
        self.wait(5)
        one, other = self.a.device("greenhouse"), self.b.device("greenhouse")
        self.wait(1)
        self.net.heal()
        self.wait(5)
        self.assertEqual([False, False], [one.is_closing, other.is_closing])
        for node in (self.a, self.b):
            [error] = node.send("greenhouse")
            self.assertIsInstance(error, OperationFailed)
            self.assertIn("is on ", str(error))
            self.assertIn("; say greenhouse@", str(error))
        self.a.send("greenhouse@B")
        self.wait()
        self.assertEqual(b"water", answer(other))
        newest = self.a.device("greenhouse")
        self.wait()
        self.assertTrue(other.is_closing)
        self.b.send("greenhouse")
        self.wait()
        self.assertEqual(b"water", answer(newest))

    def test_another_owner(self) -> None:
        """A device from another host does not get a connected one closed: both are listed, and the old one is probed."""
        old = self.a.device("greenhouse", host="9.9.9.7")
        self.wait()
        self.b.device("greenhouse", host="9.9.9.9")
        self.wait()
        self.assertFalse(old.is_closing)
        self.assertIn("is on ", str(self.a.send("greenhouse")[0]))

    def test_doubles(self) -> None:
        """Each node tells of the names that another one has, too, until that is over: not of a device that has moved."""
        self.a.device("lamp")
        self.wait()
        self.b.device("lamp")
        old = self.a.device("greenhouse", host="9.9.9.7")
        self.wait()
        self.b.device("greenhouse", host="9.9.9.9")
        self.wait()
        told = [node.devices.names.doubles() for node in (self.a, self.b)]
        self.assertEqual([["greenhouse"], ["greenhouse"]], told)
        newcomer = RelayNode(self.net, "C")
        newcomer.device("greenhouse", host="9.9.9.8")
        newcomer.start()
        self.wait(1.5)
        self.assertEqual(["greenhouse"], newcomer.devices.names.doubles())
        newcomer.link.die()
        old.lose()
        self.wait(5)
        self.assertEqual([[], []], [node.devices.names.doubles() for node in (self.a, self.b)])

    def test_many_doubles(self) -> None:
        """So many names are noted, and no more; those that are over make room."""
        first = self.a.device("first", host="9.9.9.7")
        self.wait()
        self.b.device("first", host="9.9.9.9")
        self.wait()
        first.lose()
        for number in range(MOST_MET + 1):
            self.a.device(f"d{number}", host="9.9.9.7")
        self.wait()
        for number in range(MOST_MET + 1):
            self.b.device(f"d{number}", host="9.9.9.9")
        self.wait()
        self.assertEqual(MOST_MET, len(self.a.devices.names.doubles()))
        self.assertNotIn("first", self.a.devices.names.doubles())

    def test_address_of_many(self) -> None:
        """An address that each machine or network has says nothing of who is at it: two devices there are two owners."""
        hosts = ("127.0.0.1", "::1", "unix", "192.168.1.20", "10.0.0.7", "172.16.0.1", "fd00::1", "fe80::1%eth0", "100.64.0.1")
        for number, host in enumerate(hosts):
            old = self.a.device(f"greenhouse{number}", host=host)
            self.wait()
            new = self.b.device(f"greenhouse{number}", host=host)
            self.wait()
            self.assertEqual((False, False), (old.is_closing, new.is_closing), host)
            self.assertIn("is on ", str(self.a.send(f"greenhouse{number}")[0]))

    def test_proved(self) -> None:
        """Who has proved who it is moves with that, whatever its addresses are."""
        bearer = Principal("ops", Role.OPERATOR, None, Proof.TOKEN, "ops operator 9f")
        first, second = RecordingPeer(), RecordingPeer()
        first.principal = second.principal = bearer
        self.a.relay._exchange.connect(first, "127.0.0.1", 1, DeviceHello("greenhouse"))
        self.wait()
        self.b.relay._exchange.connect(second, "192.168.1.20", 2, DeviceHello("greenhouse"))
        self.wait()
        self.assertEqual({"greenhouse@B": True}, self.a.known())
        self.assertEqual(["replaced by a newer connection on node B of the same name", None], [first.closed, second.closed])

    def test_old_dialect(self) -> None:
        """A claim does not close what cannot be told: a first-dialect device with a name of the configuration."""
        self.a.relay.follow(type(self.a.config)(node="A", host_names=(("greenhouse", "10.0.0.7"),)))
        old = self.a.device("", host="10.0.0.7")
        self.assertIsNone(self.a.relay.hosted_as("greenhouse"))
        self.assertFalse(old.is_closing)

    def test_hostile_claims(self) -> None:
        """A claim for nothing, or from before, closes nothing."""
        device = self.a.device("greenhouse")
        [row] = self.a.relay.devices(make_caller()).rows
        stranger = self.net.link("stranger")
        stranger.start()
        self.wait()
        good = {"node": "B", "instance": "main", "name": "greenhouse", "generation": row.generation + 1, "owner": "9.9.9.7"}
        wrong: list[dict[str, object]] = [{"generation": 5}, {"generation": True}, {"node": "a b"}, {"node": 5}]
        for members in (*wrong, {"owner": None}, {"name": "lamp"}, {"instance": "lab"}):
            stranger.send("netd.lab.node.A.claim", encode(good | members))
        self.wait()
        self.assertFalse(device.is_closing)


class ControllerTests(RelayNodesBench):
    """Controllers of a relay with the option ``remote``."""

    options: ClassVar[dict[str, Any]] = {"remote": True}

    def _ask(self, controller: Any, payload: bytes = b"water", **members: Any) -> list[tuple[dict[str, Any], bytes]]:
        told = controller.say(encode_pair({"id": 1, **members}, payload))
        self.wait()
        return pairs(told + controller.heard())

    def test_second_dialect(self) -> None:
        """It lists the devices of all nodes, and sends to them."""
        device, controller = self.b.device("greenhouse"), self.a.controller()
        self.wait()
        controller.heard()
        [(told, _)] = self._ask(controller, list=True)
        self.assertEqual([("greenhouse", "B")], [(one["name"], one["node"]) for one in told["devices"]])
        [(sent, _)] = self._ask(controller, to="greenhouse")
        self.assertEqual("sent", sent["status"])
        answer(device)
        self.wait()
        [(done, payload)] = pairs(controller.heard())
        self.assertEqual(("acknowledged", True, b"done"), (done["status"], done["final"], payload))

    def test_moved(self) -> None:
        """A device that is away here and connected to another node is in the list once, as there."""
        self.a.device("greenhouse").lose()
        self.a.device("lamp").lose()
        self.b.device("greenhouse")
        controller = self.a.controller()
        self.wait()
        controller.heard()
        [(told, _)] = self._ask(controller, list=True)
        listed = [(one["name"], one["online"], one.get("node")) for one in told["devices"]]
        self.assertEqual([("lamp", False, None), ("greenhouse", True, "B")], listed)

    def test_known(self) -> None:
        """It is told whether the device has a message that failed."""
        self.b.device("greenhouse").lose()
        controller = self.a.controller()
        self.wait()
        controller.heard()
        [(told, _)] = self._ask(controller, to="greenhouse")
        self.assertEqual(("failed", "no"), (told["status"], told["known"]))
        heard = heard_outcomes(self.a)
        [(told, _)] = self._ask(controller, to="greenhouse@Z")
        self.assertIn("there is no node Z", told["error"])
        said = "there is no node Z; `cluster.nodes` lists them"
        self.assertEqual([("relay.main.outcome._", "greenhouse@Z", "10.0.0.9:50000", "water", "failed", said)], heard)

    def test_met(self) -> None:
        """A name that two nodes have is refused in words."""
        self.a.device("greenhouse"), self.b.device("greenhouse", host="10.9.9.9")
        controller = self.a.controller()
        self.wait()
        controller.heard()
        [(told, _)] = self._ask(controller, to="greenhouse")
        self.assertEqual("greenhouse is on A and B; say greenhouse@B", told["error"])
        self.assertEqual([], self._ask(controller, to="greenhouse@A")[1:])

    def test_first_dialect(self) -> None:
        """An old program lists, connects to and sends to devices of other nodes; its answers are the old ones."""
        for node in (self.a, self.b):
            node.relay.follow(type(node.config)(node=node.name, remote=True, list_format="names"))
        device = self.b.device("greenhouse")
        self.a.device("oven")
        self.wait()
        old = self.a.controller_of_old()
        self.assertEqual([b"oven,greenhouse,"], frames(old.say(event("|no target|"))))
        self.assertEqual([b"oven,greenhouse,"], frames(old.say(event("|no target|"))))
        self.assertEqual([b"|connected to greenhouse|"], frames(old.say(event("greenhouse", b"conecting"))))
        old.say(event("greenhouse", b"water") + event("nobody", b"water"))
        self.wait()
        self.assertEqual([b"data succesfully sent", b"|target not found|"], frames(old.heard()))
        self.assertEqual(b"water", answer(device))
        self.b.link.die()
        old.say(event("greenhouse", b"water"))
        self.wait()
        self.assertEqual([b"|target not found|"], frames(old.heard()))

    def test_alone(self) -> None:
        """Without a cluster, a relay with the option is like one without."""
        self.a.devices.stop()
        self.a.device("oven")
        old = self.a.controller_of_old()
        self.assertEqual(1, len(frames(old.say(event("|no target|")))))
        self.assertEqual([b"|target not found|"], frames(old.say(event("greenhouse", b"water"))))


class LocalControllerTests(RelayNodesBench):
    """Controllers of a relay without the option."""

    def test_not_asked_for(self) -> None:
        """They list and reach what they always did, byte for byte."""
        self.b.device("greenhouse")
        controller = self.a.controller()
        self.wait()
        controller.heard()
        asked = (encode_pair({"id": 1, "list": True}), encode_pair({"id": 2, "to": "greenhouse"}, b"water"))
        told = [members for members, _ in pairs(b"".join(map(controller.say, asked)))]
        self.assertEqual([], told[0]["devices"])
        self.assertEqual({"id": 2, "status": "failed", "final": True, "error": "no such device"}, told[1])
