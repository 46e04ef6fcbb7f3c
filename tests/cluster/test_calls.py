"""Operations of other nodes: offered, called, refused, and what is known when no answer comes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.local import LocalBus
from netd.cluster.answering import MOST_OPEN, CallAnswers
from netd.cluster.asking import MOST_TO_ONE, PATIENCE
from netd.cluster.calls import Calls
from netd.cluster.callwire import LONGEST, PART
from netd.cluster.interfaces import NoAnswer
from netd.cluster.nodes import KEPT, Nodes
from netd.cluster.offers import MOST_INSTANCES, offers_of
from netd.codec.jsontext import encode
from netd.console.audit import AUDITED
from netd.console.dispatch import Dispatcher, describe
from netd.errors import InvalidArguments, NoSuchTarget, NotInTime, NotPermitted, OperationFailed
from netd.message import Message
from netd.operations import Caller, Operation, OperationTable, Role
from netd.testing import RecordingLink, WallClock, make_caller, result_of
from tests.cluster.clocks import pass_time
from tests.cluster.fake import FakeLink, FakeNet, Faults

CALL = b'{"node":"A","epoch":"A9","id":%d,"who":"x","role":"admin","seconds":1.0}\n'


class Pumps:
    """The service of these tests, of which each node has one."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.calls: list[Any] = []
        self.waiting: list[Deferred[str]] = []

    def operations(self) -> list[Operation]:
        """One of each sort."""
        return [
            Operation("pump.set", self.set, Role.OPERATOR, "Set the speed"),
            Operation("pump.wait", self.wait, Role.VIEWER, "Answer later"),
            Operation("pump.list", self.list, Role.VIEWER, "List the pumps", checks_subjects=True),
            Operation("pump.all", self.all, Role.VIEWER, "List subjects", spans_services=True),
            Operation("pump.hold", self.wait, Role.VIEWER, "Lasts", is_lasting=True),
            Operation("pump.who", self.who, Role.NOBODY, "Tell who asks", spans_services=True),
            Operation("pump.name", self.name, Role.OPERATOR, "Name the pump"),
            Operation("pump.long", self.long, Role.VIEWER, "Answer so many bytes"),
        ]

    def set(self, speed: float, unit: str | None = None, *, token: str = "") -> str:
        if speed < 0:
            raise NoSuchTarget("no such speed")
        self.calls.append((speed, unit, token))
        return f"{self.node} {speed:g}"

    def wait(self, deadline: float | None = None) -> Deferred[str]:
        self.calls.append(deadline)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def list(self, caller: Caller) -> list[str]:
        return [name for name in ("inlet", "outlet") if caller.may(f"pump.main.{name}")]

    def all(self, caller: Caller, subject: str) -> bool:
        return caller.may(subject)

    def who(self, caller: Caller) -> str:
        return caller.who

    def name(self, node: str, name: str, defaults: int = 3) -> str:
        return f"{node} {name} {defaults}"

    def broken(self) -> float:
        return 1 / 0

    def long(self, size: int) -> str:
        return "x" * size


class CallingNode:
    """A node with pumps, played in this process."""

    def __init__(self, net: FakeNet, name: str, grant: str = "operator", has_pumps: bool = True) -> None:
        self.link: FakeLink = net.link(name)
        self.bus = LocalBus(WallClock(net.clock))
        self.table = OperationTable()
        self.pumps = Pumps(name)
        self.nodes = Nodes(name, "lab", self.link, net.clock, self.bus.wall, lambda member: None)
        self.calls = Calls(grant, self.nodes, self.link, self.bus, self.table, net.clock)
        self.dispatcher = Dispatcher(self.table, net.clock.seconds, self.bus)
        if has_pumps:
            self.table.add(self.pumps.operations())

    def start(self, epoch: str = "") -> None:
        """Join."""
        self.link.start()
        self.nodes.epoch = epoch or f"{self.nodes.name}1"
        self.nodes.enter()
        self.calls.start()


class CallsBench(SynchronousTestCase):
    grant = "operator"
    admin = make_caller()

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.net = FakeNet(self.clock)
        self.a = CallingNode(self.net, "A", has_pumps=False)
        self.b = CallingNode(self.net, "B", self.grant)
        for node in (self.a, self.b):
            node.start()
        pass_time(self.clock, 1.5)

    def begin(self, name: str, caller: Caller | None = None, **params: Any) -> Deferred[Any]:
        """Call an operation of B at A."""
        return self.a.dispatcher.call(name, {"instance": "main@B", **params}, caller or self.admin)

    def call(self, name: str, caller: Caller | None = None, **params: Any) -> Any:
        """The result of an operation of B, called at A."""
        begun = self.begin(name, caller, **params)
        pass_time(self.clock, 0.1)
        return result_of(begun)

    def refusal(self, kind: type[Exception], name: str, caller: Caller | None = None, **params: Any) -> Any:
        """The error of a call."""
        return self.assertRaises(kind, self.call, name, caller, **params)


class OffersTests(CallsBench):
    def test_offered(self) -> None:
        """What runs on B is the instance main@B on A, with arguments, defaults and roles as on B itself."""
        here = {one.name: one for one in describe(self.a.table, self.admin.principal)}
        there = {one.name: one for one in describe(self.b.table, self.admin.principal)}
        self.assertEqual(set(there) - {"pump.hold"}, set(here), "no connection leads from a caller at A to B")
        self.assertEqual(["main@B"], here["pump.set"].instances)
        self.assertEqual(there["pump.set"].arguments, here["pump.set"].arguments)
        self.assertEqual(there["pump.set"].result, here["pump.set"].result)
        self.assertEqual(("operator", "Set the speed"), (here["pump.set"].role, here["pump.set"].summary))

    def test_not_offered_on(self) -> None:
        """B does not offer what it has from A: calls cannot go round."""
        self.a.table.add(self.a.pumps.operations())
        pass_time(self.clock, 1.0)
        self.assertEqual({"main", "main@B"}, {name for _, names in self.a.table for name in names})
        self.assertEqual({"main", "main@A"}, {name for _, names in self.b.table for name in names})
        self.assertEqual("A 1", result_of(self.a.dispatcher.call("pump.set", {"speed": 1}, self.admin)))

    def test_changes(self) -> None:
        """A reload of B is seen on A within the second: new instances come, removed ones go."""
        self.b.table.add(Pumps("B").operations(), "lab")
        pass_time(self.clock, 0.5)
        self.assertEqual({"main@B", "lab@B"}, {name for _, names in self.a.table for name in names})
        self.b.table.remove("main")
        pass_time(self.clock, 0.5)
        self.assertEqual({"lab@B"}, {name for _, names in self.a.table for name in names})

    def test_many(self) -> None:
        """The operations of a node come in parts when they are many."""
        many = [Operation(f"pump.n{number}", self.b.pumps.who, Role.VIEWER, "…") for number in range(150)]
        self.b.table.add(many)
        pass_time(self.clock, 1.0)
        self.assertEqual(157, len(list(self.a.table)))

    def test_forgotten(self) -> None:
        """The operations of a node that is gone can be named for ten minutes, and then are no more."""
        self.b.link.die()
        pass_time(self.clock, 10.0)
        self.assertEqual({"known": "no"}, self.refusal(OperationFailed, "pump.set", speed=1).data)
        pass_time(self.clock, KEPT + 10.0)
        self.assertEqual([], list(self.a.table))

    def test_leaving(self) -> None:
        """A node that has left the cluster offers nothing of others."""
        self.a.calls.stop()
        self.assertEqual([], list(self.a.table))

    def test_unreadable(self) -> None:
        """What is no description of operations changes nothing, and is logged."""
        good = offers_of(self.b.table)[0]
        many = [f"i{number}" for number in range(MOST_INSTANCES + 1)]
        names = ({**good, "name": name} for name in ("", "pump", "pump.a.b", "pump.\x1b[2J", "a b.c"))
        bad = ({"name": "pump.set"}, 5, {**good, "role": "root"}, {**good, "instances": ["a@b"]}, {**good, "instances": many})
        for one in (
            *bad,
            *names,
            {**good, "kind": "*"},
            {**good, "summary": "Set\x1b[2J"},
            {**good, "instances": ["main", "main"]},
        ):
            self.b.nodes.answer("operations", lambda _after, one=one: {"rows": [one]})
            self.b.nodes.bump("operations")
            pass_time(self.clock, 0.5)
        self.b.nodes.answer("operations", lambda _after: {"rows": 5})
        self.b.nodes.bump("operations")
        pass_time(self.clock, 0.5)
        self.assertEqual("B 1", self.call("pump.set", speed=1))

    def test_told_twice(self) -> None:
        """A node that tells an operation twice is told apart from the others: these go on, and forget it when it is gone."""
        good = offers_of(self.b.table)[0]
        self.b.nodes.answer("operations", lambda _after: {"rows": [good, {**good, "summary": "Another"}]})
        self.b.nodes.bump("operations")
        pass_time(self.clock, 0.5)
        self.b.link.die()
        pass_time(self.clock, KEPT + 10.0)
        self.assertEqual([], list(self.a.table))
        self.assertEqual([], self.flushLoggedErrors())

    def test_empty_parts(self) -> None:
        """A node that tells nothing, and that there is more, is not asked for ever."""
        asked: list[object] = []

        def tell(after: object) -> dict[str, Any]:
            asked.append(after)
            return {"begin": 1, "rows": [], "after": 0}

        self.b.nodes.answer("operations", tell)
        self.b.nodes.bump("operations")
        pass_time(self.clock, 3.0)
        self.assertEqual(1, len(asked))


class CallingTests(CallsBench):
    def test_result(self) -> None:
        """A call gives what the operation gives on the node itself; arguments that were left out are left to that node."""
        self.assertEqual("B 2.5", self.call("pump.set", speed=2.5))
        self.assertEqual([(2.5, None, "")], self.b.pumps.calls)
        self.assertEqual("B 3", self.call("pump.set", speed=3, unit="Hz"))
        self.assertEqual((3, "Hz", ""), self.b.pumps.calls[-1])

    def test_names_of_arguments(self) -> None:
        """An argument may have any name."""
        begun = self.a.dispatcher.call("pump.name", {"instance": "main@B", "node": "inner", "name": "pump"}, self.admin)
        pass_time(self.clock, 0.1)
        self.assertEqual("inner pump 3", result_of(begun))

    def test_errors(self) -> None:
        """Errors are those of the node itself: of the operation, and of its arguments, which it checks."""
        self.assertEqual("on node B: no such speed", str(self.refusal(NoSuchTarget, "pump.set", speed=-1)))
        self.assertIn("speed", str(self.refusal(InvalidArguments, "pump.set", speed="fast")))
        self.assertIn("size", str(self.refusal(InvalidArguments, "pump.long")))

    def test_long_answer(self) -> None:
        """An answer that is longer than a message comes in parts."""
        size = 3 * PART + 17
        self.assertEqual(size, len(self.call("pump.long", size=size)))
        self.assertEqual([], [call for call in self.clock.getDelayedCalls() if call.getTime() > self.clock.seconds() + 20])

    def test_too_long_answer(self) -> None:
        """An answer that no console would take is refused; that it was carried out is known."""
        error = self.refusal(OperationFailed, "pump.long", size=LONGEST)
        self.assertEqual({"known": "yes"}, error.data)
        self.assertIn("ask for less", str(error))

    def test_lost_part(self) -> None:
        """When the rest of an answer does not come, the caller learns that the operation was carried out."""
        begun = self.begin("pump.long", size=2 * PART)
        self.clock.advance(0.001)
        self.clock.advance(0.001)
        self.b.link.die()
        pass_time(self.clock, 1.0)
        error = self.assertRaises(OperationFailed, result_of, begun)
        self.assertIn(error.data["known"], ("yes", "maybe"))

    def test_long_arguments(self) -> None:
        """Arguments that are longer than a message are refused before anything is sent."""
        error = self.refusal(OperationFailed, "pump.set", speed=1, unit="x" * PART)
        self.assertEqual(({"known": "no"}, []), (error.data, self.b.pumps.calls))

    def test_many_subjects(self) -> None:
        """A confined caller may have thousands of subjects; with more, it learns at once that nothing was sent."""
        some = make_caller(subjects=tuple(f"pump.main@B.p{number}.>" for number in range(4000)))
        self.assertEqual([], self.call("pump.list", some))
        many = make_caller(subjects=tuple(f"pump.main@B.p{number}.>" for number in range(8000)))
        error = self.refusal(OperationFailed, "pump.list", many)
        self.assertEqual(({"known": "no"}, True), (error.data, "too many subjects" in str(error)))

    def test_too_many(self) -> None:
        """So many calls wait for a node, and no more."""
        begun = [self.begin("pump.wait") for _ in range(MOST_TO_ONE)]
        self.assertEqual({"known": "no"}, self.refusal(OperationFailed, "pump.wait").data)
        pass_time(self.clock, 0.1)
        for waiting in self.b.pumps.waiting:
            waiting.callback("done")
        pass_time(self.clock, 0.1)
        self.assertEqual(round(0.2 * MOST_TO_ONE), round(self.a.calls.asking.waited))
        self.assertEqual({"done"}, {result_of(one) for one in begun})
        self.assertEqual("B 1", self.call("pump.set", speed=1))

    def raw(self, request: bytes, **head: Any) -> bytes:
        """What B answers to bytes that no netd of ours sends."""
        told = {"node": "A", "epoch": "A9", "id": 1, "who": "x", "role": "admin", "seconds": 1.0} | head
        answered = self.a.link.request("netd.lab.node.B.call", encode(told) + b"\n" + request, 1.0)
        pass_time(self.clock, 1.1)
        answer: bytes = result_of(answered)
        return answer

    def test_too_many_here(self) -> None:
        """A node carries out so many calls of another one at a time, and refuses more: nothing was done."""
        request = b'{"jsonrpc":"2.0","id":1,"method":"pump.wait","params":{"instance":"main"}}'
        for number in range(MOST_OPEN):
            self.a.link.request("netd.lab.node.B.call", CALL % (number + 1) + request, 1.0).addErrback(lambda _: None)
        pass_time(self.clock, 2.0)
        self.assertIn(b'"known":"no"', self.raw(request, id=MOST_OPEN + 1))
        self.assertEqual(1, self.b.calls.answering.counters["too many"])

    def test_caller_gone(self) -> None:
        """When the connection of a caller ends, as it does when its token is revoked, nobody waits for its calls any more."""
        link = RecordingLink()
        caller = make_caller(Role.OPERATOR, link=link)
        done, begun = self.begin("pump.set", caller, speed=3), self.begin("pump.wait", caller)
        pass_time(self.clock, 0.1)
        self.successResultOf(done)
        link.lose()
        error = self.failureResultOf(begun, OperationFailed).value
        self.assertEqual(("maybe", {}), (error.data["known"], self.a.calls.asking.open))
        self.assertIn("the connection of its caller has ended", str(error))
        self.b.pumps.waiting[0].callback("late")
        pass_time(self.clock, 0.1)

    def test_fault(self) -> None:
        """A fault of the other node's own is in its log, and is told as such."""
        self.b.table.add([Operation("pump.broken", self.b.pumps.broken, Role.VIEWER, "Break")])
        pass_time(self.clock, 0.5)
        self.assertEqual("on node B: internal error; netd's log has it", str(self.refusal(OperationFailed, "pump.broken")))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_bad_subjects(self) -> None:
        """Subjects that are no patterns give no rights."""
        request = b'{"jsonrpc":"2.0","id":1,"method":"pump.list","params":{"instance":"main"}}'
        self.assertIn(b"-32002", self.raw(request, subjects=["a..b"]))

    def test_unknown_part(self) -> None:
        """A part of an answer that is not kept has no answer; kept ones are forgotten after a while, and when the node leaves."""
        asked = self.a.link.request("netd.lab.node.B.call", b'{"node":"A","epoch":"A9","id":1,"from":5}', 1.0)
        pass_time(self.clock, 1.1)
        self.failureResultOf(asked, NoAnswer)
        self.raw(b'{"jsonrpc":"2.0","id":1,"method":"pump.long","params":{"instance":"main","size":%d}}' % (2 * PART))
        before = len(self.clock.getDelayedCalls())
        self.b.calls.stop()
        self.assertEqual(before - 1, len(self.clock.getDelayedCalls()))

    def test_no_answer_at_all(self) -> None:
        """What is no answer of JSON-RPC is told as what it is."""
        self.b.calls.stop()
        answer = b"hello"
        self.b.link.subscribe("netd.lab.node.B.call", lambda _subject, _body, reply: self.b.link.send(reply, answer))
        error = self.refusal(OperationFailed, "pump.list")
        self.assertEqual(({"known": "yes"}, True), (error.data, "cannot be read" in str(error)))
        answer = b'{"size":9,"from":0}\nfour'  # with parts of some bytes, an answer would have no end
        self.assertIn("too short", str(self.refusal(OperationFailed, "pump.list")))
        answer = b'{"size":%d,"from":0}\n%b' % (2 * PART, b"x" * PART)  # and the next part is the same one again
        error = self.refusal(OperationFailed, "pump.list")
        self.assertEqual(({"known": "yes"}, True), (error.data, "the parts do not fit" in str(error)))

    def test_doubled(self) -> None:
        """A call that the network doubles is carried out once."""
        self.net.faults.double = 1.0
        self.assertEqual("B 1", self.call("pump.set", speed=1))
        self.assertEqual(1, len(self.b.pumps.calls))
        self.assertEqual(1, self.b.calls.answering.counters["doubled"])

    def test_bad_calls(self) -> None:
        """Bytes that are no call are ignored, whatever they are, and logged once."""
        subject = "netd.lab.node.B.call"
        answers: list[Any] = []
        for body in (b"", b"{}", b"\n", b"[1]\n{}", b'{"node":"A","epoch":"A1","id":1,"who":1}\n{}', b"x" * (2 * PART + 1)):
            self.a.link.request(subject, body, 1.0).addErrback(answers.append)
        pass_time(self.clock, 2.0)
        self.assertEqual((6, 6), (len(answers), self.b.calls.answering.counters["bad"]))
        request = b'{"jsonrpc":"2.0","id":1,"method":"pump.set","params":{"instance":"main","speed":1}}'
        for who in ("ann\nroot: system.stop", "x" * 513):
            told = {"node": "A", "epoch": "A9", "id": 1, "who": who, "role": "admin", "seconds": 1.0}
            self.a.link.request(subject, encode(told) + b"\n" + request, 1.0).addErrback(answers.append)
        self.a.link.send(subject, CALL % 1 + request)
        pass_time(self.clock, 2.0)
        self.assertEqual((9, []), (self.b.calls.answering.counters["bad"], self.b.pumps.calls), "nor without a reply")

    def test_name_of_the_caller(self) -> None:
        """A caller with a strange name reaches other nodes under one that a log can show."""
        strange = Caller(make_caller().connection, "a\nb" + "x" * 600)
        self.assertIn("from node A", self.call("pump.who", strange))

    def test_round(self) -> None:
        """A call that names another node, no instance, or is a batch is refused: it would go round, or could not be answered."""
        head = b'{"node":"A","epoch":"A9","id":%d,"who":"x","role":"admin","subjects":null,"seconds":1.0,"later":1}\n'
        requests = (
            b'{"jsonrpc":"2.0","id":1,"method":"pump.who","params":{"instance":"main@A"}}',
            b'{"jsonrpc":"2.0","id":1,"method":"pump.who","params":[]}',
            b'{"jsonrpc":"2.0","id":1,"method":"pump.who"}',
            b"[]",
            b"{",
        )
        for number, request in enumerate(requests, 1):
            answered = self.a.link.request("netd.lab.node.B.call", head % number + request, 1.0)
            pass_time(self.clock, 0.1)
            self.assertIn(b'"error"', result_of(answered))


class KnownTests(CallsBench):
    """What is known of a call that has no answer."""

    def setUp(self) -> None:
        super().setUp()
        self.begun = self.begin("pump.wait")
        pass_time(self.clock, 0.1)
        self.assertEqual(1, len(self.b.pumps.calls))

    def check(self, kind: type[OperationFailed], known: str, text: str, begun: Deferred[Any] | None = None) -> None:
        """The call has failed so."""
        error = self.assertRaises(kind, result_of, self.begun if begun is None else begun)
        self.assertIs(kind, type(error))
        self.assertEqual(({"known": known}, {}), (error.data, self.a.calls.asking.open))
        self.assertIn(text, str(error))
        self.assertLessEqual(str(error).count("nothing was sent"), 1)

    def test_gone(self) -> None:
        """A node that dies after it has taken a call: the call fails when the node is gone, and may have been carried out."""
        self.b.link.die()
        pass_time(self.clock, 5.0)
        self.check(OperationFailed, "maybe", "node B is gone")

    def test_nobody(self) -> None:
        """A node that is not there: nothing was sent, which the caller learns at once."""
        self.b.link.die()
        late = self.begin("pump.wait")
        pass_time(self.clock, 0.01)
        error = self.assertRaises(OperationFailed, result_of, late)
        self.assertEqual(({"known": "no"}, "node B is not there"), (error.data, str(error)))
        pass_time(self.clock, 5.0)
        self.assertRaises(OperationFailed, result_of, self.begun)

    def test_nats_lost(self) -> None:
        """NATS is lost after a call was sent: it may have been carried out. The next call is refused at once."""
        self.a.link.go_down()
        self.check(OperationFailed, "maybe", "connection to NATS was lost")
        self.check(OperationFailed, "no", "B cannot be reached: NATS is away; nothing was sent", self.begin("pump.wait"))

    def test_late(self) -> None:
        """A node that is well and does not answer: the call ends in time."""
        pass_time(self.clock, PATIENCE)
        self.check(NotInTime, "maybe", "did not answer within 120 s")

    def test_deadline(self) -> None:
        """A call whose operation has a longer deadline waits for it."""
        longer = self.begin("pump.wait", deadline=300.0)
        pass_time(self.clock, 301.0)
        self.assertRaises(NotInTime, result_of, self.begun)
        self.b.pumps.waiting[-1].callback("at last")
        pass_time(self.clock, 0.1)
        self.assertEqual("at last", result_of(longer))

    def test_late_answer(self) -> None:
        """The answer to a call that was given up is dropped."""
        self.a.link.go_down()
        self.assertRaises(OperationFailed, result_of, self.begun)
        self.b.pumps.waiting[0].callback("late")
        pass_time(self.clock, 1.0)

    def test_restarted(self) -> None:
        """A node that starts again has forgotten what it was asked."""
        self.b.link.die()
        self.b = CallingNode(self.net, "B")
        self.b.start("B2")
        pass_time(self.clock, 5.0)
        self.check(OperationFailed, "maybe", "node B is gone")
        self.assertEqual("B 1", self.call("pump.set", speed=1))


class FaultTests(SynchronousTestCase):
    """A network that loses, delays, doubles and reorders, a hundred times in another way."""

    def test_known(self) -> None:
        """A call ends once and is carried out once at most; of one that is known not to be, nothing was done."""
        outcomes: Counter[str] = Counter()
        for seed in range(100):
            self.run_with(seed, outcomes)
        self.assertGreater(outcomes["done"], 500, outcomes)
        self.assertGreater(outcomes["maybe"], 100, outcomes)

    def run_with(self, seed: int, outcomes: Counter[str]) -> None:
        """Call thirty times while the network is bad, and B's link goes down and up."""
        clock = Clock()
        clock.advance(1000.0)
        net = FakeNet(clock, seed)
        a, b = CallingNode(net, "A", has_pumps=False), CallingNode(net, "B")
        for node in (a, b):
            node.start()
        pass_time(clock, 1.5)
        net.faults = Faults(drop=0.1, double=0.2, delay=0.3, reorder=0.3, slow=2.0)
        ended: dict[int, list[str]] = {}
        for number in range(30):
            call = a.dispatcher.call("pump.set", {"instance": "main@B", "speed": number}, make_caller())
            said = ended[number] = []
            call.addCallbacks(
                lambda _, said=said: said.append("done"), lambda why, said=said: said.append(why.value.data["known"])
            )
            pass_time(clock, net.random.random())
            if number % 10 == 9:
                link = net.random.choice((a.link, b.link))
                link.go_down()
                pass_time(clock, net.random.random())
                link.go_up()
        net.heal()
        pass_time(clock, PATIENCE + 10.0)
        carried_out = Counter(int(speed) for speed, _, _ in b.pumps.calls)
        self.assertTrue(all(count == 1 for count in carried_out.values()), (seed, carried_out))
        for number, said in ended.items():
            self.assertEqual(1, len(said), (seed, number))
            outcomes[said[0]] += 1
            if said[0] == "done":
                self.assertIn(number, carried_out, seed)
            elif said[0] == "no":
                self.assertNotIn(number, carried_out, seed)


class RightsTests(CallsBench):
    def test_confined(self) -> None:
        """A token sees on another node what it would see there under its own names, and no more."""
        everything, inlet = ("pump.main@B.>",), ("pump.main@B.inlet",)
        self.assertEqual(["inlet", "outlet"], self.call("pump.list", make_caller(subjects=everything)))
        self.assertEqual(["inlet"], self.call("pump.list", make_caller(subjects=inlet)))
        self.assertEqual(["inlet", "outlet"], self.call("pump.list", make_caller(subjects=("pump.>",))))
        self.assertEqual([], self.call("pump.list", make_caller(subjects=("session.>",))))
        self.assertEqual("B 1", self.call("pump.set", make_caller(subjects=everything), speed=1))
        for subjects in (inlet, ("pump.main.>",), ("pump.main@C.>",)):
            self.refusal(NotPermitted, "pump.set", make_caller(subjects=subjects), speed=1)
        self.assertEqual(1, len(self.b.pumps.calls))

    def test_translated(self) -> None:
        """A token for a service of its own node has the same rights on another one, where that service is main@A."""
        mine = make_caller(subjects=("pump.main.>", "pump.lab@B.>"))
        self.assertTrue(self.call("pump.all", mine, subject="pump.lab.x"))
        self.assertTrue(self.call("pump.all", mine, subject="pump.main@A.x"))
        self.assertFalse(self.call("pump.all", mine, subject="pump.main.x"))

    def test_nothing_there(self) -> None:
        """A token that has no subject of a node is not shown the node, and is refused by it."""
        mine = make_caller(subjects=("pump.main.>",))
        self.assertEqual([], [one.name for one in describe(self.a.table, mine.principal) if "main@B" in one.instances])
        error = self.refusal(NotPermitted, "pump.who", mine)
        self.assertEqual("on node B: this token is for pump.main.>, of which node B has none", str(error))

    def test_shown(self) -> None:
        """A confined token is shown the instances that it may call."""
        caller = make_caller(subjects=("pump.main@B.>",))
        shown = {one.name: one.instances for one in describe(self.a.table, caller.principal)}
        self.assertEqual({"pump.all", "pump.list", "pump.long", "pump.name", "pump.set", "pump.wait", "pump.who"}, set(shown))

    def test_strangers(self) -> None:
        """No call of a caller without a role leaves its node."""
        self.refusal(NotPermitted, "pump.who", make_caller(Role.NOBODY))
        self.assertEqual(0, self.a.calls.asking.counters["calls"])

    def test_named(self) -> None:
        """The other node knows who calls, and from where."""
        self.assertEqual("token test from node A, cluster", self.call("pump.who"))

    def test_audit(self) -> None:
        """Both nodes tell who has called what; a secret among the arguments is in neither."""
        told: list[tuple[str, Message]] = []
        for name, node in (("A", self.a), ("B", self.b)):
            node.bus.subscribe(AUDITED.subject, lambda message, name=name: told.append((name, message)))
        self.call("pump.set", speed=1, token="t0p")
        self.assertEqual(["B", "A"], [name for name, _ in told])
        (_, there), (_, here) = told
        self.assertEqual(("audit.main.pump.set", "audit.main.pump.set"), (there.subject, here.subject))
        self.assertEqual(("token test from node A", "cluster", ""), tuple(there.event[one] for one in ("who", "from", "node")))
        self.assertEqual(("token test", "console", "B"), tuple(here.event[one] for one in ("who", "from", "node")))
        self.assertNotIn("t0p", str(there) + str(here))


class GrantViewerTests(CallsBench):
    grant = "viewer"

    def test_viewer(self) -> None:
        """A node that grants viewer refuses what takes more, and tells why."""
        self.assertEqual(["inlet", "outlet"], self.call("pump.list"))
        error = self.refusal(NotPermitted, "pump.set", speed=1)
        self.assertIn("node B grants callers of other nodes no more than `viewer`", str(error))
        self.assertEqual([], self.b.pumps.calls)

    def test_own_role(self) -> None:
        """A caller keeps its own role where that is the lower one."""
        self.refusal(NotPermitted, "pump.set", make_caller(Role.VIEWER), speed=1)
        self.assertEqual(0, self.a.calls.asking.counters["calls"])


class GrantNothingTests(CallsBench):
    grant = "nothing"

    def test_nothing(self) -> None:
        """A node that grants nothing offers nothing, says so, and refuses calls all the same."""
        self.assertEqual([], list(self.a.table))
        self.a.table.add(self.a.pumps.operations())
        error = self.assertRaises(InvalidArguments, self.a.table.find, "pump.list", {"instance": "@B"})
        told = "no instance '@B': node B grants callers of other nodes nothing (`grant` in its section [cluster])"
        self.assertEqual(told, str(error))
        head = b'{"node":"A","epoch":"A9","id":1,"who":"x","role":"admin","seconds":1.0}\n'
        request = b'{"jsonrpc":"2.0","id":1,"method":"pump.list","params":{"instance":"main"}}'
        answered = self.a.link.request("netd.lab.node.B.call", head + request, 1.0)
        pass_time(self.clock, 0.1)
        self.assertIn(b"grants callers of other nodes nothing", result_of(answered))


class GrantAdminTests(CallsBench):
    grant = "admin"

    def test_forged_role(self) -> None:
        """A role that does not exist is none."""
        answering: CallAnswers = self.b.calls.answering
        self.assertEqual("admin", answering.grant)
        head = b'{"node":"A","epoch":"A9","id":1,"who":"x","role":"root","seconds":1.0}\n'
        request = b'{"jsonrpc":"2.0","id":1,"method":"pump.list","params":{"instance":"main"}}'
        answered = self.a.link.request("netd.lab.node.B.call", head + request, 1.0)
        pass_time(self.clock, 0.1)
        self.assertIn(b"-32002", result_of(answered))
