"""What Home Assistant is told. The payloads in ``golden/`` are those that its own code has accepted (``home_assistant.py``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.message import Described
from netd.mqtt.classes import CLASSES
from netd.mqtt.discovery import MOST_CHANNELS, MOST_DEVICES, Discovery, DiscoveryPlan
from netd.mqtt.topics import DeviceKey, Topics

GOLDEN = Path(__file__).with_name("golden")

TEMPERATURE = Described("Temperature", "°C")
BARE = Described()


class DiscoveryTestCase(SynchronousTestCase):
    """The fixture: the devices of the node lab."""

    every: float | None = 30.0
    patterns: tuple[str, ...] = ("session.>", "wire.>", "relay.*.presence.*")

    def setUp(self) -> None:
        self.clock = Clock()
        self.topics = Topics("netd/lab")
        self.objections: list[tuple[str, str, str]] = []
        classes = {"temp": "temperature", "hum": "humidity", "meter": "energy", "wind": "wind_direction"}
        kinds = frozenset(("relay", "wire"))
        plan = DiscoveryPlan("homeassistant", "netd_lab", "lab", "1.0", self.every, classes, kinds, self.patterns)
        self.discovery = Discovery(plan, self.topics, self.clock.seconds, lambda *what: self.objections.append(what))

    def see(self, subject: str, described: Described = BARE, after: float = 0.0) -> bool:
        """An event comes."""
        self.clock.advance(after)
        return self.discovery.see(self.topics.route(subject), described)

    def told(self) -> dict[str, Any]:
        """The payloads since the last call, by the id of the device."""
        found = list(self.discovery.changes())
        assert all(one.is_retained and one.topic.startswith("homeassistant/device/") for one in found)
        return {one.topic.split("/")[2]: json.loads(one.payload) for one in found}


class PayloadTests(DiscoveryTestCase):
    def check(self, name: str, payload: object) -> None:
        """Compare *payload* with the one that Home Assistant has accepted."""
        self.assertEqual(payload, json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))

    def test_agent(self) -> None:
        """An agent is a device with a sensor for each channel: its class where the unit fits, and when its values expire."""
        self.see("session.main.greenhouse")
        for _ in range(2):
            for name, described in (
                ("temp", TEMPERATURE),
                ("meter", Described("Meter", "kWh")),
                ("wind", Described("", "°")),
                ("heart", Described("Heart rate", "bpm")),
                ("plain", BARE),
            ):
                self.see(f"session.main.greenhouse.{name}", described)
            self.clock.advance(30)
        [payload] = self.told().values()
        self.check("agent", payload)

    def test_device(self) -> None:
        """A device of a relay has its presence, and a text to send where topics may."""
        self.see("relay.main.presence.door-lock")
        self.assertEqual(list(self.told()), ["netd_lab_relay_main_door-lock"])
        self.check("device", json.loads(list(self.discovery.everything())[1].payload))

    def test_program(self) -> None:
        """A program of a wire has both."""
        self.see("wire.main.presence.pump")
        self.see("wire.main.sample.pump.flow", Described("", "L/min"))
        self.check("program", self.told()["netd_lab_wire_main_pump"])

    def test_netd(self) -> None:
        """Netd itself is a device, too, by way of which all others come."""
        [own] = self.discovery.everything()
        self.assertEqual(own.topic, "homeassistant/device/netd_lab/config")
        self.check("netd", json.loads(own.payload))


class ChangeTests(DiscoveryTestCase):
    def sensor(self) -> Any:
        """The sensor as it was told last."""
        return self.told()["netd_lab_session_main_oven"]["cmps"]["temp"]

    def test_told_once(self) -> None:
        """A device is told when it is new and when something changes, not with each value."""
        self.assertTrue(self.see("session.main.oven"))
        self.assertEqual(self.told(), {}, "an agent without a channel may get another name still")
        self.assertFalse(self.see("session.main.oven.temp", TEMPERATURE))
        self.assertNotIn("exp_aft", self.sensor())
        self.see("session.main.oven.temp", TEMPERATURE, 30)
        self.assertEqual(self.sensor()["exp_aft"], 90)
        for pause in (30, 20, 40, 44):
            self.see("session.main.oven.temp", TEMPERATURE, pause)
        self.assertEqual((self.told(), self.discovery.is_stale), ({}, False))

    def test_slow_channel(self) -> None:
        """A value that comes once an hour does not expire after a minute; time without the agent is no such pause."""
        self.see("session.main.oven.temp", TEMPERATURE)
        self.see("session.main.oven.temp", TEMPERATURE, 3600)
        self.assertEqual(self.sensor()["exp_aft"], 10800)
        self.see("session.main.oven")
        self.see("session.main.oven.temp", TEMPERATURE, 86400)
        self.discovery.interrupt()
        self.see("session.main.oven.temp", TEMPERATURE, 86400)
        self.assertEqual(self.told(), {})

    def test_other_unit(self) -> None:
        """A channel gets another unit: the class goes if it does not fit, which is said."""
        self.see("session.main.oven.temp", TEMPERATURE)
        self.assertEqual(self.sensor()["dev_cla"], "temperature")
        self.see("session.main.oven.temp", Described("Temperature", "bar"))
        found = self.sensor()
        self.assertEqual((found["unit_of_meas"], found["stat_cla"], "dev_cla" in found), ("bar", "measurement", False))
        self.see("session.main.oven.hum", BARE)
        self.assertEqual(self.objections, [("temp", "temperature", "bar"), ("hum", "humidity", "")])

    def test_forgotten(self) -> None:
        """A forgotten channel is taken out by its platform alone; a forgotten device by an empty payload."""
        self.see("session.main.oven.temp", TEMPERATURE)
        self.see("session.main.oven.other", BARE)
        self.told()
        forget = self.discovery.forget
        self.assertFalse(forget(self.topics.route("session.main.oven.temp")))
        self.assertFalse(forget(self.topics.route("session.main.oven.temp")))
        self.assertEqual(self.sensor(), {"p": "sensor"})
        self.see("session.main.oven.temp", TEMPERATURE)
        self.assertEqual(self.sensor()["name"], "Temperature")
        self.see("session.main.oven.other", Described("", "V"))
        self.assertTrue(forget(self.topics.route("session.main.oven")))
        self.assertFalse(forget(self.topics.route("session.main.oven")))
        self.assertEqual((self.told(), self.discovery.size), ({}, 0))
        farewell = self.discovery.farewell(DeviceKey("session", "main", "oven"))
        self.assertEqual((farewell.topic.split("/")[2], farewell.payload), ("netd_lab_session_main_oven", b""))
        self.see("session.main.unheard")
        self.assertFalse(forget(self.topics.route("session.main.unheard")), "Home Assistant does not know it")

    def test_not_about_devices(self) -> None:
        """What a device says makes no entity, nor do subjects of one's own."""
        self.assertFalse(self.see("relay.main.said.fan"))
        self.assertFalse(self.see("custom.door"))
        self.see("relay.main.presence.fan")
        self.assertFalse(self.discovery.forget(self.topics.route("relay.main.said.fan")))

    def test_bounds(self) -> None:
        """A flood of names or channels does not fill Home Assistant."""
        for number in range(MOST_CHANNELS + 1):
            self.see(f"session.main.oven.c{number}")
        self.assertEqual(len(self.told()["netd_lab_session_main_oven"]["cmps"]), MOST_CHANNELS + 1)
        for number in range(MOST_DEVICES):
            self.see(f"relay.main.presence.d{number}")
        self.assertEqual((self.discovery.size, self.see("relay.main.presence.another")), (MOST_DEVICES, False))

    def test_other_node(self) -> None:
        """A device of another node has an id that Home Assistant can read."""
        self.see("relay.main@north.presence.fan")
        self.assertEqual(list(self.told()), ["netd_lab_relay_main-north_fan"])


class EachTests(DiscoveryTestCase):
    every = None
    patterns = ("session.*.*.*",)

    def test_without_presence(self) -> None:
        """Where only samples are published, netd's own status alone tells what is there; values expire by their own pace."""
        self.see("session.main.oven.temp", TEMPERATURE)
        self.see("session.main.oven.temp", TEMPERATURE, 0.1)
        payload = self.told()["netd_lab_session_main_oven"]
        self.assertEqual(payload["avty"], [{"t": "netd/lab/status"}])
        self.assertEqual((list(payload["cmps"]), payload["cmps"]["temp"]["exp_aft"]), (["temp"], 1))


class ClassTests(SynchronousTestCase):
    def test_classes(self) -> None:
        """The table has the pairs of Home Assistant."""
        self.assertIn("°C", CLASSES["temperature"].units)
        self.assertIn("", CLASSES["ph"].units)
        self.assertNotIn("", CLASSES["humidity"].units)
        self.assertEqual(CLASSES["energy"].state_class, "total_increasing")
