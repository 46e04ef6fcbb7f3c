"""Tests of ``netd.feed.service``, ``feed``, ``machine`` and ``protocol``: a feed from its section, without a network."""

from __future__ import annotations

import json
from typing import Any

from faker.config import AVAILABLE_LOCALES
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.client.websocket import PING, TEXT, encode_frame
from netd.feed.audience import STEP
from netd.feed.config import Config
from netd.feed.events import BlockReported, ClientRemarked, RoundMade
from netd.feed.generator import Generator
from netd.feed.locales import objection
from netd.feed.machine import GREATEST_MESSAGE
from netd.feed.rounds import TYPES, Delivery
from netd.feed.service import NoSuchLocale, make_service
from netd.kinds import ServiceKind
from netd.message import Message
from netd.principal import Role
from netd.testing import Connection, RecordingBus, ServiceKindTests, connect, make_caller, reload, result_of, wired
from tests.feed.bench import MASK, TEXTS, FakeMember, close_frame, frames, open_feed, pong, request, say, texts

KIND = ServiceKind("feed", "netd.feed")
NEWER = "netd.feed.v1"


class LocalesTests(SynchronousTestCase):
    def test_as_faker_finds_them(self) -> None:
        """The locales that are known are those that Faker knows."""
        self.assertEqual([], [locale for locale in AVAILABLE_LOCALES if objection(locale)])
        self.assertEqual("Faker does not know de_XX; it knows de_AT, de_CH, de_DE, de_LI, de_LU", objection("de_XX"))
        self.assertIn("it knows en_US, de_DE, fr_FR, …", objection("xx_YY"))


class FeedKindTests(ServiceKindTests, SynchronousTestCase):
    """The feed keeps what every kind of service must keep."""

    kind = KIND


class FeedTests(SynchronousTestCase):
    """A feed with one locale and a seed, and what its clients see."""

    def start(self, **options: Any) -> None:
        """A feed of these options."""
        chosen = {"locales": ("en_US",), "seed": 7, "ping_interval": 3600.0, **options}
        self.service, self.factory, self.reactor, self.bus = wired(KIND, Config(**chosen))

    def setUp(self) -> None:
        self.start()
        self.addCleanup(self.leaves_nothing)

    def leaves_nothing(self) -> None:
        """After its end no timer is left, and no subscriber of the bus."""
        for connection in list(self.factory.connections):
            connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.service.status().streams, 0)
        result_of(self.service.stopService())
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertFalse(self.bus.wants("session.1"))

    def old(self, port: int = 50412) -> Connection:
        """An old client, connected."""
        client = connect(self.factory, self.reactor, port=port)
        self.assertEqual(open_feed(client), b"")
        return client

    def newer(self, port: int = 50413, **wanted: Any) -> Connection:
        """A newer client that has asked for something."""
        client = connect(self.factory, self.reactor, port=port)
        open_feed(client, NEWER)
        [answer] = self.ask(client, subscribe=wanted)
        self.assertIn("subscribed", answer)
        return client

    def ask(self, client: Connection, **said: Any) -> list[dict[str, Any]]:
        """What a newer client is answered."""
        return [json.loads(text) for text in texts(client.say(say(said)))]

    def heard(self, client: Connection) -> list[Any]:
        """What a newer client was sent since."""
        return [json.loads(text) for text in texts(client.heard())]


class OldClientTests(FeedTests):
    def test_rounds(self) -> None:
        """An old client gets eight bare texts a second, the same as all others; with a seed they repeat after a start."""
        first, second = self.old(), self.old(port=2)
        self.reactor.advance(1)
        heard = texts(first.heard())
        self.assertEqual(texts(second.heard()), heard)
        self.assertEqual(len(heard), len(TYPES))
        name, _country, email, url, _text, latitude, currency, _city = heard
        self.assertIn(" ", name)
        self.assertIn("@", email)
        self.assertTrue(url.startswith("http"), url)
        self.assertTrue(-90 <= float(latitude) <= 90)
        self.assertRegex(currency, r"^\('[A-Z]{3}', '.+'\)$")
        self.reactor.advance(1)
        self.assertNotEqual(texts(first.heard()), heard)
        self.leaves_nothing()
        self.start()
        again = self.old()
        self.reactor.advance(1)
        self.assertEqual(texts(again.heard()), heard)

    def test_fields(self) -> None:
        """The texts of a round are those that the configuration names, in its order; newer clients choose for themselves."""
        self.leaves_nothing()
        self.start(fields=("city", "name"))
        client, newer = self.old(), self.newer(types=["email"])
        self.reactor.advance(1)
        city, name = texts(client.heard())
        self.assertIn(" ", name)
        self.assertNotIn("@", city)
        self.assertEqual([sample["type"] for sample in self.heard(newer)], ["email"])

    def test_first_round(self) -> None:
        """The first round comes one interval after connecting, whenever that was."""
        self.reactor.advance(0.7)
        client = self.old()
        self.reactor.advance(0.9)
        self.assertEqual(texts(client.heard()), [])
        self.reactor.advance(0.1)
        self.assertEqual(len(texts(client.heard())), 8)

    def test_page_from_a_file(self) -> None:
        """A page that was opened from a file may see made-up values, and what the bus says only if the configuration says so."""
        for source, is_taken in (("faker", True), ("session.>", False)):
            self.leaves_nothing()
            self.start(source=source)
            for origin in ("null", "file://"):
                client = connect(self.factory, self.reactor)
                answer = client.say(request(None, f"Origin: {origin}"))
                self.assertEqual(answer.split(b" ", 2)[1], b"101" if is_taken else b"403")

    def test_not_permitted(self) -> None:
        """Whoever has a name, and not the subjects of this feed, is refused as HTTP does it."""
        client = connect(self.factory, self.reactor)
        client.protocol.peer.principal = make_caller(Role.VIEWER, ("relay.>", "feed.lab2.>")).principal
        head, _, why = client.say(request()).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 403 "), head)
        self.assertEqual(why, b"feed.read needs a token for the subjects feed.main.>; this one is for relay.>, feed.lab2.>\n")

    def test_one_write_a_round(self) -> None:
        """A round is one write: its eight texts arrive together."""
        client = self.old()
        writes: list[bytes] = []
        client.transport.write = writes.append  # type: ignore[method-assign]
        self.reactor.advance(1)
        self.reactor.advance(0)
        self.assertEqual([len(texts(written)) for written in writes], [8])

    def test_per_client(self) -> None:
        """With `per_client = yes` each client has values of its own."""
        self.leaves_nothing()
        self.start(per_client=True)
        first, second = self.old(), self.old(port=2)
        self.reactor.advance(1)
        one, other = texts(first.heard()), texts(second.heard())
        self.assertEqual((len(one), len(other)), (8, 8))
        self.assertNotEqual(one[0], other[0])
        newer = self.newer(types=["city"])
        self.reactor.advance(1)
        [sample] = self.heard(newer)
        self.assertEqual(sample["type"], "city")
        self.assertNotEqual(sample["value"], texts(first.heard())[7])

    def test_slow(self) -> None:
        """A client that reads slowly loses whole rounds: what it gets is rounds of eight, each whole, the newest among them."""
        self.leaves_nothing()
        self.start(backlog=2000)
        slow, fast = self.old(), self.old(port=2)
        producer = slow.transport.producer
        rounds = []
        got = b""
        for second in range(40):
            if second % 20 == 2:
                producer.pauseProducing()
            if second % 20 == 9:
                producer.resumeProducing()
            self.reactor.advance(1)
            rounds.append(tuple(texts(fast.heard())))
            got += slow.heard()
        heard = texts(got)
        self.assertEqual(len(heard) % 8, 0)
        seen = [tuple(heard[at : at + 8]) for at in range(0, len(heard), 8)]
        self.assertEqual(seen, [one for one in rounds if one in seen])
        self.assertLess(len(seen), len(rounds))
        self.assertEqual(seen[-1], rounds[-1])
        self.assertEqual(self.service.status().counters["dropped"], {"round": len(rounds) - len(seen)})

    def test_slow_and_served_apart(self) -> None:
        """So does one whose rounds, blocks or words are its own: what waits for it is bounded."""
        self.leaves_nothing()
        self.start(backlog=2000, per_client=True, interval=0.1)
        old, newer, blocks = self.old(), self.newer(port=2, types=["name"]), self.newer(port=3, types=["name"], block=2)
        asked = self.newer(port=4, types=["name"])
        for client in (old, newer, blocks, asked):
            client.transport.producer.pauseProducing()
        for _round in range(70):
            self.reactor.advance(0.1)
            asked.say(say({"subscribe": {"types": ["name"]}}))
        for client in (old, newer, blocks, asked):
            client.transport.producer.resumeProducing()
            self.assertLess(len(client.heard()), 2500)
        self.reactor.advance(0.1)
        self.assertEqual(len(texts(old.heard())), 8)

    def test_fault(self) -> None:
        """A client whose connection has a fault is hung up on; the others go on, and the log says what it was."""
        broken, other = self.old(50412), self.old(50414)

        def fail(_: bytes) -> None:
            raise ZeroDivisionError("the test's own")

        broken.transport.write = fail
        self.reactor.advance(1)
        self.assertEqual(len(texts(other.heard())), len(TYPES))
        self.assertFalse(broken.protocol.peer.is_open)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_control_frames_keep_their_place(self) -> None:
        """Pongs come between rounds, never within one."""
        client = self.old()
        client.transport.producer.pauseProducing()
        for _second in range(3):
            client.say(encode_frame(PING, b"p", MASK))
            self.reactor.advance(1)
        client.transport.producer.resumeProducing()
        opcodes = [opcode for opcode, _ in frames(client.heard())]
        self.assertEqual(opcodes, ([10] + [TEXT] * 8) * 3)

    def test_reports(self) -> None:
        """Both wordings are kept by client, published, and shown; the rest is a remark, and never an error."""
        client = self.old()
        for said in (
            "Connected with client-1",
            "Client Client-1 received block number 3 in time 2.0 sec",
            "client client-1 received 4 block in 2.0 time",
            "so long",
        ):
            self.assertEqual(client.say(say(said)), b"")
        client.say(encode_frame(2, b"\xff", MASK))
        [report] = self.service.reports()
        self.assertEqual((report.client, report.blocks, report.last_block, report.rate), ("client-1", 2, 4, 0.5))
        self.assertEqual((report.online, report.remarks), (True, ["so long", "\\xff"]))
        address = "127.0.0.1:50412"
        self.assertEqual(
            self.bus.events("feed.main.report"),
            [BlockReported("Client-1", address, 3, 2.0, 0.5), BlockReported("client-1", address, 4, 2.0, 0.5)],
        )
        self.assertEqual(self.bus.events("feed.main.remark")[0], ClientRemarked("client-1", address, "so long"))
        self.assertEqual(self.service.status().counters["blocks"], 2)
        client.lose()
        self.assertFalse(self.service.reports()[0].online)

    def test_nameless(self) -> None:
        """A client that says no name goes by its address, until it says one."""
        client = self.old()
        client.say(say("hello"))
        self.assertEqual(self.service.reports()[0].client, "127.0.0.1:50412")
        client.say(say("Connected with x"))
        self.assertEqual([(report.client, report.online) for report in self.service.reports()[1:]], [("x", True)])
        self.assertFalse(self.service.reports()[0].online)
        self.assertEqual(self.service.subscribers()[0].client, "x")

    def test_rounds_on_the_bus(self) -> None:
        """Who listens on the bus sees each round, whether there are clients or not."""
        self.reactor.advance(1)
        self.assertEqual(self.bus.events("feed.main.round"), [])
        subscription = self.bus.subscribe("feed.*.round", lambda message: None)
        self.reactor.advance(1)
        [made] = self.bus.events("feed.main.round")
        assert isinstance(made, RoundMade)
        self.assertEqual((made.seq, made.time, tuple(made.values)), (1, self.bus.wall(), TYPES))
        subscription.cancel()


class NewerClientTests(FeedTests):
    def test_welcome(self) -> None:
        """A newer client is told what there is, and gets nothing before it has asked."""
        client = connect(self.factory, self.reactor)
        [welcome] = texts(open_feed(client, NEWER))
        self.assertEqual(
            json.loads(welcome),
            {
                "welcome": {
                    "source": "faker",
                    "types": list(TYPES),
                    "interval": 1.0,
                    "min_interval": 0.1,
                    "locales": ["en_US"],
                }
            },
        )
        self.reactor.advance(5)
        self.assertEqual(client.heard(), b"")
        [answer] = self.ask(client, report={"block": 1, "seconds": 1})
        self.assertEqual(answer, {"error": 'say what you want first: {"subscribe": {}} takes everything'})

    def test_samples(self) -> None:
        """Samples of the types that were asked for, in that order, with time and number; old clients get the same values."""
        old, client = self.old(), self.newer(types=["city", "name"])
        self.reactor.advance(1)
        eight = texts(old.heard())
        self.assertEqual(
            self.heard(client),
            [
                {"type": "city", "value": eight[7], "time": self.bus.wall(), "seq": 1},
                {"type": "name", "value": eight[0], "time": self.bus.wall(), "seq": 1},
            ],
        )

    def test_everything(self) -> None:
        """Without types there are all eight."""
        client = self.newer()
        self.reactor.advance(1)
        self.assertEqual([sample["type"] for sample in self.heard(client)], list(TYPES))

    def test_blocks(self) -> None:
        """Samples can come in blocks, numbered, with the time that each took."""
        client = self.newer(types=["name"], block=3)
        self.reactor.pump([1.0] * 5)
        [block] = self.heard(client)
        self.assertEqual((block["block"], block["seconds"], [one["seq"] for one in block["samples"]]), (1, 3.0, [1, 2, 3]))
        self.reactor.advance(1)
        [block] = self.heard(client)
        self.assertEqual((block["block"], block["seconds"]), (2, 3.0))

    def test_clock_that_is_set(self) -> None:
        """Rounds go on each second when the wall clock is set, and a block takes the seconds that it takes; only times jump."""
        client = self.newer(types=["name"], block=2)
        for step in (-3600, 3600):
            self.reactor.advance(1)
            before = self.bus.wall()
            self.bus.wall.step(step)
            self.reactor.advance(1)
            [block] = self.heard(client)
            self.assertEqual(block["seconds"], 2.0)
            self.assertEqual([sample["time"] - before for sample in block["samples"]], [0.0, step + 1.0])

    def test_blocks_begin_anew(self) -> None:
        """A client that subscribes again gets blocks from number 1 on, with nothing of what was collected before."""
        client = self.newer(types=["name"], block=2)
        self.reactor.pump([1.0] * 3)
        self.assertEqual([block["block"] for block in self.heard(client)], [1])
        self.ask(client, subscribe={"types": ["name"], "block": 2})
        self.reactor.pump([1.0] * 2)
        [block] = self.heard(client)
        self.assertEqual((block["block"], [one["seq"] for one in block["samples"]]), (1, [4, 5]))

    def test_long_remark(self) -> None:
        """A remark of 64 KiB is a remark like any other, in both dialects."""
        for client in (self.newer(), self.old()):
            before = client.heard()
            client.say(say("x" * (1 << 16)) if client.protocol.subprotocol is None else say({"remark": "x" * (1 << 16)}))
            self.reactor.pump([0.01] * 80)
            self.assertFalse(client.is_closing, before)
        self.assertEqual(self.service.status().counters.get("refused", {}), {})
        self.assertEqual(len(self.bus.events("feed.main.remark")), 2)

    def test_interval(self) -> None:
        """Clients that ask for the same interval share its rounds; the common ones go on as they were."""
        old = self.old()
        one, other = self.newer(interval=0.25), self.newer(port=3, interval=0.25)
        self.assertEqual(self.service.status().streams, 1)
        self.reactor.pump([0.25] * 4)
        heard = self.heard(one)
        self.assertEqual([sample["seq"] for sample in heard if sample["type"] == "city"], [1, 2, 3, 4])
        self.assertEqual(self.heard(other), heard)
        self.assertEqual(len(texts(old.heard())), 8)
        one.lose()
        self.assertEqual(self.service.status().streams, 1)
        other.lose()
        self.assertEqual(self.service.status().streams, 0)

    def test_the_common_interval(self) -> None:
        """Who asks for what is common anyway gets the common rounds."""
        self.newer(interval=1.0, locale="en_US")
        self.assertEqual(self.service.status().streams, 0)

    def test_seed(self) -> None:
        """A seed repeats the same values from the first on, for each client by itself."""
        first = self.newer(seed=5, types=["name"], interval=0.5)
        self.reactor.pump([0.5] * 2)
        second = self.newer(port=3, seed=5, types=["name", "city"], interval=0.5)
        self.reactor.pump([0.5] * 2)
        names = [sample["value"] for sample in self.heard(first)]
        repeated = [sample["value"] for sample in self.heard(second) if sample["type"] == "name"]
        self.assertEqual(repeated, names[:2])
        [subscribed] = self.ask(first, subscribe={"seed": 6, "types": ["name"]})
        self.assertEqual(subscribed["subscribed"]["seed"], 6)
        self.assertEqual(self.service.status().streams, 2)

    def test_locale(self) -> None:
        """A locale that the section names can be had; another is refused with those that are."""
        self.leaves_nothing()
        self.start(locales=("en_US", "ja_JP"))
        client = self.newer(locale="ja_JP", types=["name"])
        self.reactor.advance(1)
        self.assertFalse(self.heard(client)[0]["value"].isascii())
        [answer] = self.ask(client, subscribe={"locale": "xx_XX"})
        self.assertEqual(answer, {"error": "there is no locale 'xx_XX'; there are en_US, ja_JP"})

    def test_refusals(self) -> None:
        """What cannot be had is refused with the reason; what the client had before goes on."""
        client = self.newer(types=["name"])
        for wanted, complaint in (
            ({"types": ["x"]}, "there is no type 'x'; there are name, "),
            ({"interval": 0.05}, "`subscribe.interval` is from 0.1 to 3600 seconds here"),
            ({"block": 5000}, "`subscribe.block` is a whole number from 1 to 1000"),
        ):
            [answer] = self.ask(client, subscribe=wanted)
            self.assertTrue(answer["error"].startswith(complaint), answer)
        self.assertEqual(self.heard(client), [])
        [answer] = [json.loads(text) for text in texts(client.say(say("nix")))]
        self.assertTrue(answer["error"].startswith("not JSON"), answer)
        self.reactor.advance(1)
        self.assertEqual(len(self.heard(client)), 1)
        self.assertEqual(self.service.status().counters["refused"], {"bad request": 3, "bad JSON": 1})

    def test_bounded_streams(self) -> None:
        """Only so many choices are served at once; a client can exchange its own."""
        self.leaves_nothing()
        self.start(max_streams=2)
        self.newer(seed=1)
        second = self.newer(port=2, interval=0.5)
        third = self.newer(port=3)
        [answer] = self.ask(third, subscribe={"seed": 3})
        self.assertEqual(answer["error"], "2 other choices are being served; leave out interval, locale and seed")
        [answer] = self.ask(second, subscribe={"seed": 3})
        self.assertIn("subscribed", answer)
        [answer] = self.ask(third, subscribe={"interval": 0.5})
        self.assertIn("error", answer)

    def test_reports(self) -> None:
        """A newer client's report counts under the name that it subscribed with."""
        client = self.newer(name="n")
        self.assertEqual(self.ask(client, report={"block": 2, "seconds": 0.5}), [])
        self.assertEqual(self.ask(client, remark="hello"), [])
        [report] = self.service.reports()
        self.assertEqual((report.client, report.blocks, report.remarks), ("n", 1, ["hello"]))

    def test_subscribers(self) -> None:
        """Consoles see who is connected and what they get."""
        self.old()
        self.newer(name="n", types=["city"], block=2, interval=0.5)
        old, newer = self.service.subscribers()
        self.assertEqual((old.client, old.dialect, old.interval), ("127.0.0.1:50412", "first", 1.0))
        facts = {"address": "127.0.0.1:50412", "since": self.bus.wall(), "block": 1, "locale": None}
        self.assertEqual({name: getattr(old, name) for name in facts}, facts)
        self.assertEqual(
            (newer.client, newer.dialect, newer.types, newer.block, newer.interval),
            ("n", "second", ["city"], 2, 0.5),
        )

    @given(st.lists(st.binary(max_size=40) | st.sampled_from([b'{"subscribe":{}}', b'{"remark":"x"}'])), st.booleans())
    @settings(max_examples=60)
    def test_anything_can_be_said(self, said: list[bytes], is_newer: bool) -> None:
        """Whatever a client says, it stays connected and gets its rounds."""
        client = self.newer() if is_newer else self.old()
        client.say(*[encode_frame(2, payload, MASK) for payload in said])
        self.reactor.advance(1)
        self.assertGreaterEqual(len(frames(client.heard())), 8)
        client.lose()


class WindowTests(FeedTests):
    def setUp(self) -> None:
        self.start(source="session.>")
        self.addCleanup(self.leaves_nothing)

    def test_old_client(self) -> None:
        """An old client gets each event that is published under the pattern, as JSON."""
        client = self.old()
        self.bus.publish(Message("session.lab.1.x", 1.5))
        self.bus.publish(Message("relay.x", 2))
        self.assertEqual(texts(client.heard()), ["1.5"])

    def test_newer_client(self) -> None:
        """A newer client gets subject, event, time and number, of the subjects that it asks for."""
        client, narrow = self.newer(), self.newer(port=2, types=["session.*.2.>"])
        self.reactor.advance(3)
        self.bus.publish(Message("session.lab.1.x", {"value": 1}))
        self.bus.publish(Message("session.lab.2.x", {"value": 2}))
        first, second = self.heard(client)
        self.assertEqual(first, {"type": "session.lab.1.x", "value": {"value": 1}, "time": self.bus.wall(), "seq": 1})
        self.assertEqual(self.heard(narrow), [second])
        self.assertEqual(self.service.status().source, "session.>")

    def test_only_with_clients(self) -> None:
        """A feed of a pattern is no subscriber of the bus while nobody is connected to it."""
        self.assertFalse(self.bus.wants("session.1"))
        client = self.newer()
        self.assertTrue(self.bus.wants("session.1"))
        client.lose()
        self.assertFalse(self.bus.wants("session.1"))

    def test_great_blocks(self) -> None:
        """A block of long events ends early: nobody can have netd collect any amount."""
        client = self.newer(block=1000)
        for _ in range(5):
            self.bus.publish(Message("session.x", "x" * (GREATEST_MESSAGE // 2 - 200)))
        blocks = self.heard(client)
        self.assertEqual([(block["block"], len(block["samples"])) for block in blocks], [(1, 2), (2, 2)])
        self.bus.publish(Message("session.x", "x" * GREATEST_MESSAGE))
        self.assertEqual([len(block["samples"]) for block in self.heard(client)], [1])

    def test_blocks(self) -> None:
        """Events can come in blocks, too."""
        client = self.newer(block=2)
        for value in range(3):
            self.bus.publish(Message("session.x", value))
        [block] = self.heard(client)
        self.assertEqual([sample["value"] for sample in block["samples"]], [0, 1])

    def test_refusals(self) -> None:
        """Subjects come when they come: there is nothing to choose but which."""
        client = connect(self.factory, self.reactor)
        self.assertEqual(texts(open_feed(client, NEWER)), ['{"welcome":{"source":"session.>"}}'])
        [answer] = self.ask(client, subscribe={"seed": 1})
        self.assertEqual(answer["error"], "this feed passes on session.>: it has no interval, locale or seed to choose")
        [answer] = self.ask(client, subscribe={"types": ["a..b"]})
        self.assertTrue(answer["error"].startswith("`subscribe.types`: subject pattern 'a..b'"), answer)


class ServiceTests(FeedTests):
    def test_every_cut(self) -> None:
        """However a client's bytes are cut into segments, the feed understands the same."""
        stream = (
            request()
            + say("Connected with client-1")
            + pong()
            + say("client client-1 received 3 block in 2 time")
            + close_frame()
        )
        for cut in range(1, len(stream), 7):
            client = connect(self.factory, self.reactor)
            client.say(stream[:cut], stream[cut:])
            client.lose()
        client = connect(self.factory, self.reactor)
        client.say(*[bytes((byte,)) for byte in stream])
        client.lose()
        [report] = self.service.reports()
        self.assertEqual(report.blocks, len(range(1, len(stream), 7)) + 1)

    def test_not_yet_a_websocket(self) -> None:
        """A connection without a handshake is no subscriber."""
        connect(self.factory, self.reactor).say(b"GET / HTTP/1.1\r\n")
        self.reactor.advance(1)
        status = self.service.status()
        self.assertEqual((status.connections, status.subscribers), (1, 0))

    def test_stop(self) -> None:
        """When netd stops, clients are told so, and get no more rounds."""
        client = self.old()
        stopped = self.service.stopService()
        [(opcode, payload)] = frames(client.heard())
        self.assertEqual((opcode, payload), (8, b"\x03\xe9netd stops"))
        client.lose()
        result_of(stopped)

    def test_stop_amid_a_round(self) -> None:
        """What is still being delivered when netd stops is not delivered any more."""
        reactor = self.reactor

        class SlowMember(FakeMember):
            def deliver(self, delivery: Delivery) -> None:
                super().deliver(delivery)
                reactor.rightNow += 0.02

        members = [SlowMember() for _ in range(3 * STEP)]
        for member in members:
            self.service._feed.common.join(member, TEXTS, is_apart=True)
        self.reactor.callLater(1.0001, lambda: stopped.append(self.service.stopService()))
        stopped: list[Any] = []
        self.reactor.advance(1)
        self.assertEqual((len(stopped), sum(len(member.got) for member in members)), (1, STEP))
        self.reactor.advance(0)
        self.reactor.advance(1)
        self.assertEqual(sum(len(member.got) for member in members), STEP)

    def test_no_such_locale(self) -> None:
        """A locale that Faker does not know is an error that names those like it, before anything listens."""
        service = make_service(Config(locales=("de_XX",)), self.reactor, RecordingBus())
        error = self.assertRaises(NoSuchLocale, service.privilegedStartService)
        self.assertTrue(str(error).startswith("[feed] locales: Faker does not know de_XX; it knows de_AT, "), error)
        service = make_service(Config(locales=("qq_XX",)), self.reactor, RecordingBus())
        error = self.assertRaises(NoSuchLocale, service.startService)
        self.assertIn("it knows en_US, ", str(error))

    def test_chance(self) -> None:
        """Without a seed each start brings other values."""
        heard = []
        for _start in range(2):
            self.leaves_nothing()
            self.start(seed=None)
            client = self.old()
            self.reactor.advance(1)
            heard.append(texts(client.heard()))
        self.assertNotEqual(heard[0], heard[1])

    def test_generators_are_not_built_for_a_window(self) -> None:
        """A feed that passes on subjects needs no Faker."""
        service = make_service(Config(source=">"), self.reactor, RecordingBus())
        self.assertEqual(service._feed.generators, {})
        self.assertIsInstance(next(iter(self.service._feed.generators.values())), Generator)

    def test_log_lines(self) -> None:
        """The end of a connection is one line with the client's name; a remark is logged, escaped, and not each of many."""
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        client = self.old()
        client.say(say("Connected with client-\x1b1"), say("one\x1b"), say("two"))
        client.lose()
        lines = [formatEvent(event) or "" for event in events]
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("said 'one\\x1b' (0 more remarks were not logged)", lines[0])
        self.assertTrue(lines[1].startswith("feed: 'client-\\x1b1' at 127.0.0.1:50412 left after 0.0 s"), lines[1])


class ReloadTests(FeedTests):
    """Options that change while clients are connected."""

    def change(self, **options: Any) -> None:
        """Go by these options."""
        reload(self.service, Config(**{"locales": ("en_US",), "seed": 7, "ping_interval": 3600.0, **options}))

    def test_interval(self) -> None:
        """Rounds come at the new interval from now on, also to clients that came between two rounds."""
        self.reactor.advance(0.5)
        client = self.old()
        self.reactor.advance(0.6)
        self.reactor.advance(0.5)
        self.assertEqual(len(texts(client.heard())), 8)
        self.change(interval=0.2)
        heard = []
        for _ in range(12):
            self.reactor.advance(0.1)
            heard += texts(client.heard())
        self.assertIn(len(heard), (5 * 8, 6 * 8))
        self.change(interval=0.2)

    def test_fields(self) -> None:
        """Clients of the first dialect that come from now on get the new fields; the others keep theirs."""
        before = self.old()
        self.change(fields=("name", "city"))
        after = self.old(port=50414)
        self.reactor.advance(1)
        self.assertEqual((len(texts(before.heard())), len(texts(after.heard()))), (8, 2))

    def test_messages(self) -> None:
        """The longest message is the new one for clients that are connected, too; what may wait is for newcomers."""
        client = self.newer()
        self.change(max_message=200, backlog=70_000, origins=("https://lab.example",), handshake_timeout=3.0)
        client.say(say("x" * 300))
        self.assertTrue(client.is_closing)
        self.assertEqual(self.factory.bounds.size, 70_000)
        self.assertIn("https://lab.example", self.factory.origins)
        self.assertEqual(self.factory.handshake_timeout, 3.0)

    def test_window(self) -> None:
        """A feed that passes subjects on has limits to change, and no rounds."""
        result_of(self.service.stopService())
        self.start(source="session.>")
        self.change(source="session.>", max_message=200)
        self.assertEqual(self.service.status().source, "session.>")
