"""What a relay finds again after a restart: its devices, and the messages that it has promised to keep."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.relay.config import Config
from netd.relay.events import DevicePresence, DeviceSent
from netd.relay.records import KEPT_FOR
from netd.relay.target import parse_target
from netd.state.state import LAZILY
from netd.testing import MemoryDisk, MemoryState, make_caller, reload, result_of, wired
from tests.relay.bench import Relay, Side, ask, event, frames, pairs
from tests.relay.test_dialect import told
from tests.relay.test_service import KIND

OWNER = "relay.main"
FULL = OSError("database or disk is full")


class StateBench(SynchronousTestCase):
    def setUp(self) -> None:
        self.disk = MemoryDisk()
        self.restart()

    def restart(self, after: float = 0.0, **rules: Any) -> None:
        """The next daemon, after the one before was killed. The wall clock goes on; the monotonic one begins anew.

        :param after: seconds that nobody ran.
        """
        before = getattr(self, "relay", None)
        self.relay = Relay(queue_for=60.0, **rules)
        if before is not None:
            self.relay.bus.wall.step(before.bus.wall() - self.relay.bus.wall() + after)  # type: ignore[attr-defined]
        self.state = MemoryState(self.relay.clock, self.relay.bus.wall, self.disk)
        self.relay.exchange.use_state(self.state.part(OWNER))

    def stop(self) -> None:
        """The daemon stops as it should."""
        for link in list(self.relay.exchange.devices):
            self.relay.exchange.disconnect(link, "netd stops")
        result_of(self.state.close())

    def away(self) -> dict[str, Any]:
        """The devices that are away, by name."""
        return {link.name: link.describe() for link in self.relay.exchange.devices.absent()}


class DevicesTests(StateBench):
    def test_known_again(self) -> None:
        """A device that had a name is known after a restart, with all that was known of it, and as away."""
        self.relay.device(name="greenhouse", aliases=["roof"])
        self.relay.device()
        self.relay.advance(10)
        self.stop()
        left = self.relay.bus.wall()
        self.restart(after=100)
        [device] = self.away().values()
        self.assertEqual(("greenhouse", ("roof",), False, left - 10), (device.name, device.aliases, device.online, device.since))
        self.assertEqual((left, True, "('127.0.0.1', 50412)"), (device.last_seen, device.answers, device.address))
        self.assertIs(self.relay.exchange.devices.name_of("roof"), self.relay.exchange.devices.name_of("greenhouse"))
        [message] = self.relay.bus.last("relay.main.presence.*")
        assert isinstance(message.event, DevicePresence)
        self.assertEqual(
            (False, left, "netd was started anew"), (message.event.online, message.event.last_seen, message.event.reason)
        )

    def test_comes_back(self) -> None:
        """A device of an earlier run connects as any other, with a greater generation."""
        self.relay.device(name="greenhouse")
        self.relay.advance(5)
        before = next(iter(self.relay.exchange.devices)).generation
        self.restart()
        self.relay.device(name="greenhouse")
        [link] = self.relay.exchange.devices
        self.assertGreater(link.generation, before)
        self.assertEqual({}, self.away())

    def test_generation_though_the_clock_was_set_back(self) -> None:
        """Generations grow over restarts, also on a machine whose clock begins in 1970 with each."""
        self.relay.device(name="greenhouse")
        self.relay.advance(5)
        before = next(iter(self.relay.exchange.devices)).generation
        self.restart(after=-1_000_000_000)
        self.relay.device(name="greenhouse")
        self.assertGreater(next(iter(self.relay.exchange.devices)).generation, before)

    def test_killed(self) -> None:
        """A new name is on the disk within a second. A killed daemon has heard of a connected device when it was last alive."""
        self.relay.device(name="greenhouse")
        self.relay.advance(1)
        for _ in range(3):
            self.relay.advance(100)
            self.relay.exchange.note_alive()
        self.relay.advance(0)
        alive = self.relay.bus.wall()
        self.relay.advance(50)
        self.restart(after=1000)
        self.assertEqual(alive, self.away()["greenhouse"].last_seen)

    def test_few_writes(self) -> None:
        """A device that comes and goes all the time is written once a minute; a relay without named devices, never."""
        for _ in range(30):
            self.relay.device(name="greenhouse").lose()
            self.relay.advance(1)
        self.relay.device().lose()
        self.relay.exchange.note_alive()
        self.relay.advance(0)
        self.assertEqual(1, len(self.disk.commits))
        self.relay.advance(LAZILY)
        self.assertEqual(2, len(self.disk.commits))

    def test_forgotten(self) -> None:
        """A device that was forgotten, or did not come back for a year, is not known again."""
        for name in ("pump", "valve", "door"):
            self.relay.device(name=name).lose()
        self.relay.advance(LAZILY)
        exchange = self.relay.exchange
        pump = exchange.devices.name_of("pump")
        assert pump is not None
        exchange.forget(pump)
        exchange.records.forget("pump")
        self.relay.advance(0)
        self.restart(after=KEPT_FOR - LAZILY - 1)
        self.assertEqual(["valve", "door"], list(self.away()))
        self.restart(after=100)
        self.assertEqual([], list(self.away()))

    def test_record_of_another_version(self) -> None:
        """A record that this netd does not understand is dropped, and the others are found."""
        self.relay.device(name="valve")
        self.relay.advance(1)
        self.disk.commit([(OWNER, "device", "pump", self.relay.bus.wall(), '{"host":[]}')])
        self.disk.commit([(OWNER, "alive", "time", self.relay.bus.wall(), '"now"')])
        self.restart()
        self.assertEqual(["valve"], list(self.away()))


class QueueTests(StateBench):
    def setUp(self) -> None:
        super().setUp()
        self.relay.device(name="greenhouse").lose()
        self.relay.advance(LAZILY)

    def commit(self) -> None:
        """The disk takes what waits for it, and answers are made."""
        self.relay.advance(0)

    def delivered(self) -> list[bytes]:
        """What the device gets when it connects; it stays, and its messages are off the disk."""
        got = [payload for _, payload in pairs(self.relay.device(name="greenhouse").hear())[1:]]
        self.commit()
        return got

    def queued(self, side: Side, payload: bytes = b"1") -> None:
        """Queue a message of an old controller."""
        side.conversation.receive(event("greenhouse", payload))
        self.relay.end_turn()

    def test_answer_waits_for_the_disk(self) -> None:
        """Neither dialect says that a message is queued before it is on the disk. Other controllers are served meanwhile."""
        old, new = self.relay.connect(), self.relay.controller()
        self.queued(old)
        new.conversation.receive(ask(b"2", id=7, to="greenhouse"))
        self.relay.end_turn()
        self.assertEqual((b"", []), (old.peer.take_sent(), told(new)))
        self.assertFalse(old.peer.is_reading)
        self.assertEqual(frames(self.relay.connect().say(event("|no target|"))), [b"|no raspberrypies|"])
        self.commit()
        self.assertEqual([b"|queued|"], frames(old.hear()))
        self.assertEqual([(7, "queued", False, b"")], told(new))
        self.assertTrue(old.peer.is_reading)

    def test_answers_stay_in_order(self) -> None:
        """An answer that waits for the disk holds back those behind it, and all that came in one read is one commit."""
        old = self.relay.connect()
        commits = len(self.disk.commits)
        old.conversation.receive(event("greenhouse", b"1") + event("nobody", b"2") + event("greenhouse", b"3"))
        self.relay.end_turn()
        self.commit()
        self.assertEqual([b"|queued|", b"|target not found|", b"|queued|"], frames(old.hear()))
        self.assertEqual(commits + 1, len(self.disk.commits))

    def test_delivered_after_a_kill(self) -> None:
        """What was acknowledged is delivered by the next daemon, in order, and by that one alone."""
        old, new = self.relay.connect(), self.relay.controller()
        self.queued(old, b"\xff1")
        new.conversation.receive(ask(b"2", id=7, to="greenhouse", deadline=30))
        self.commit()
        self.restart(after=10)
        device = self.relay.device(name="greenhouse")
        [_, first, second] = pairs(device.hear())
        self.assertEqual((b"\xff1", b"2", 20.0), (first[1], second[1], round(second[0]["deadline"], 3)))
        device.say(ask(b"ok", id=second[0]["id"], status="acknowledged"))
        self.commit()
        self.restart()
        self.assertEqual([], self.delivered())

    def test_killed_before_it_was_noted(self) -> None:
        """A daemon that is killed between the delivery and the disk delivers once more: at least once."""
        self.queued(self.relay.connect())
        self.commit()
        device = self.relay.device(name="greenhouse")
        self.assertEqual(b"1", pairs(device.hear())[1][1])
        self.restart()
        self.assertEqual([b"1"], self.delivered())
        self.restart()
        self.assertEqual([], self.delivered())

    def test_seen_on_the_bus(self) -> None:
        """What was queued is published when it is sent, also after a restart."""
        self.queued(self.relay.connect())
        self.commit()
        self.restart()
        self.relay.bus.subscribe("relay.>", lambda message: None)
        self.relay.device(name="greenhouse")
        [sent] = self.relay.bus.events("relay.main.sent.greenhouse")
        self.assertEqual(DeviceSent("greenhouse", "1", None), sent)

    def test_outcome_after_a_kill(self) -> None:
        """Who sent a message is kept with it: its outcome is told after a restart as it would have been before."""
        self.queued(self.relay.connect("192.0.2.7", 5000), b"old")
        self.relay.controller().conversation.receive(ask(b"new", id=7, to="greenhouse"))
        exchange = self.relay.exchange
        exchange.request(parse_target(b"greenhouse"), b"own", "console", None, lambda _: None, "user ada, control socket")
        self.relay.end_turn()
        self.commit()
        self.restart(after=10)
        device = self.relay.device(name="greenhouse")
        asked = pairs(device.hear())[-1][0]["id"]
        device.say(ask(b"ok", id=asked, status="acknowledged"))
        device.lose()
        told = self.relay.bus.events("relay.main.outcome.greenhouse")
        self.assertEqual(
            [("own", "user ada, control socket", "acknowledged"), ("old", "192.0.2.7:5000", "failed")],
            [(one["request"], one["from"], one["status"]) for one in told if one["request"] != "new"],  # type: ignore[index]
        )
        self.assertEqual({10.0}, {round(one["seconds"], 3) for one in told})  # type: ignore[index]

    def test_slow_device(self) -> None:
        """A message stays on the disk until the operating system has taken it for the device."""
        self.queued(self.relay.connect())
        self.commit()
        device = self.relay.connect()
        device.peer.is_full = True
        device.conversation.receive(encode_frame(b'device {"name":"greenhouse"}'))
        self.commit()
        self.assertEqual(1, len(self.disk.load(OWNER, "queue")))
        device.drain()
        self.commit()
        self.assertEqual([], self.disk.load(OWNER, "queue"))

    def test_expires_by_the_wall_clock(self) -> None:
        """After a restart, a message has what was left of its time by the wall clock, and is gone from the disk afterwards."""
        self.queued(self.relay.connect())
        self.commit()
        self.restart(after=50)
        self.relay.advance(9)
        self.restart(after=0)
        self.relay.advance(1.1)
        self.assertEqual([], self.delivered())
        self.assertEqual([], self.disk.load(OWNER, "queue"))
        self.queued(self.relay.connect())
        self.restart(after=61)
        self.assertEqual([], self.delivered())
        self.assertEqual([], self.disk.load(OWNER, "queue"))

    def test_full_disk(self) -> None:
        """What cannot be promised is refused: old controllers do not find the device, newer ones are told why."""
        self.disk.refuses = FULL
        old, new = self.relay.connect(), self.relay.controller()
        self.queued(old)
        new.conversation.receive(ask(b"2", id=7, to="greenhouse"))
        self.relay.end_turn()
        self.commit()
        self.assertEqual([b"|target not found|"], frames(old.hear()))
        [(envelope, _)] = pairs(new.hear())
        self.assertEqual("failed", envelope["status"])
        self.assertEqual(
            "the device is away, and the message cannot be kept: memory cannot be used: database or disk is full; "
            "nothing is promised until that is mended",
            envelope["error"],
        )
        self.assertEqual([], self.delivered())

    def test_device_comes_meanwhile(self) -> None:
        """A device that connects while its message is on its way to the disk gets it, and it is not queued any more."""
        for refuses in (None, FULL):
            self.disk.refuses = refuses
            new = self.relay.controller()
            old = self.relay.connect()
            new.conversation.receive(ask(b"2", id=7, to="greenhouse"))
            self.queued(old)
            device = self.relay.device(name="greenhouse")
            self.assertEqual([b"2", b"1"], [payload for _, payload in pairs(device.hear())[1:]])
            self.commit()
            self.assertEqual([(7, "sent", False, b"")], told(new))
            self.assertEqual([b"|queued|"], frames(old.hear()))
            device.lose()
        self.disk.refuses = None
        self.relay.advance(LAZILY)
        self.assertEqual([], self.disk.load(OWNER, "queue"))

    def test_sender_goes_meanwhile(self) -> None:
        """A sender that is gone before the disk has answered has its message kept all the same."""
        new, old = self.relay.controller(), self.relay.connect()
        new.conversation.receive(ask(b"2", id=7, to="greenhouse"))
        self.queued(old)
        new.lose()
        old.lose()
        self.commit()
        self.assertEqual([b"2", b"1"], self.delivered())

    def test_forgotten_device(self) -> None:
        """With a device, its messages are forgotten."""
        self.queued(self.relay.connect())
        self.commit()
        name = self.relay.exchange.devices.name_of("greenhouse")
        assert name is not None
        self.relay.exchange.forget(name)
        self.commit()
        self.assertEqual([], self.disk.load(OWNER, "queue"))

    def test_entries_that_do_not_fit(self) -> None:
        """An entry of another version, of an unknown device, or over the bounds of now is dropped."""
        for payload in (b"1" * 8, b"2" * 8):
            self.queued(self.relay.connect(), payload)
            self.commit()
        whole = self.disk.load(OWNER, "queue")[0][3]
        now = self.relay.bus.wall()
        for key, text in (("a", "{}"), ("b", '{"payload":"?"}'), ("c", whole.replace("greenhouse", "nobody"))):
            self.disk.commit([(OWNER, "queue", key, now, text)])
        self.restart(queue_size=10)
        self.commit()
        self.assertEqual(1, len(self.disk.load(OWNER, "queue")))
        self.assertEqual([b"1" * 8], self.delivered())


class ServiceTests(SynchronousTestCase):
    def test_alive(self) -> None:
        """A relay notes once a minute that it lives, and no more when it has stopped."""
        service, _factory, reactor, bus = wired(KIND, Config())
        disk = MemoryDisk()
        state = MemoryState(reactor, bus.wall, disk)
        service.use_state(state.part(OWNER))
        relay = Relay()
        device = relay.connect()
        service._exchange.connect(device.peer, "127.0.0.1", 1, None)
        reload(service, Config(host_names=(("pump", "127.0.0.1"),)))
        service._exchange.connect(device.peer, "127.0.0.1", 2, None)
        for _ in range(3):
            reactor.advance(60)
        reactor.advance(0)
        self.assertEqual([["alive", "time"]], [[table, key] for table, key, _, _ in disk.load(OWNER, "alive")])
        for link in list(service._exchange.devices):
            service._exchange.disconnect(link, "gone")
        done = service.forget(make_caller(), "pump")
        self.assertNoResult(done)
        reactor.advance(0)
        self.assertEqual("pump", result_of(done).name)
        self.assertEqual([], disk.load(OWNER, "device"))
        result_of(service.stopService())
        result_of(state.close())
        self.assertEqual([], reactor.getDelayedCalls())
