"""Tests of ``netd.gateway.values``: measured values at ``/metrics``."""

from __future__ import annotations

import math

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.logger import globalLogPublisher

from netd.codec.samples import SampleTaken
from netd.gateway.config import Config, value_patterns
from netd.gateway.values import MOST_VALUES, STALE, labels_of
from netd.message import Described, Message, Want
from netd.operations import Role
from netd.testing import reload
from tests.gateway.visits import GatewayTestCase, bearer, get

TEMP = "session.main.greenhouse.temp"


class ValuesTests(GatewayTestCase):
    options = {"metrics_values": ("session.>", "wire.>", "custom.>", "custom")}  # noqa: RUF012 - read only

    def publish(self, subject: str, value: float) -> None:
        """A sample."""
        self.bus.publish(Message(subject, SampleTaken(value, self.bus.wall())))

    def told(self, *headers: str) -> dict[tuple[str, ...], float]:
        """The values at ``/metrics``, by section, name, channel and unit."""
        found = {}
        for family in text_string_to_metric_families(self.ask(get("/metrics", *headers)).body.decode()):
            for sample in family.samples:
                if sample.name == "netd_value":
                    found[tuple(sample.labels[label] for label in ("section", "name", "channel", "unit"))] = sample.value
        return found

    def full(self) -> float:
        """Whether values are left out."""
        families = text_string_to_metric_families(self.ask(get("/metrics")).body.decode())
        return next(sample.value for family in families for sample in family.samples if sample.name == "netd_values_full")

    def test_newest(self) -> None:
        """The newest value of each channel is there, with its unit, and nothing that is no value."""
        self.bus.describe(TEMP, Described("Air", "°C"))
        self.publish(TEMP, 20.0)
        self.publish(TEMP, 21.5)
        self.publish("wire.scale.sample.left.weight", -math.inf)
        self.publish("wire.scale.said.left", 3.0)
        self.publish("wire.scale.presence.left", 3.0)
        self.publish("session.main.greenhouse", 4.0)
        self.bus.publish(Message("custom.door", True))
        self.bus.publish(Message("custom.hall.north.lux", {"value": 300}))
        self.bus.publish(Message("custom.hall.text", "warm"))
        self.bus.publish(Message("custom.huge", 10**400))
        self.bus.publish(Message("custom", 1))
        self.assertEqual(
            self.told(),
            {
                ("session", "greenhouse", "temp", "°C"): 21.5,
                ("wire:scale", "left", "weight", ""): -math.inf,
                ("", "", "door", ""): 1.0,
                ("", "hall.north", "lux", ""): 300.0,
            },
        )

    def test_openmetrics(self) -> None:
        """The strict parser reads them, too, with text of a peer's in the labels."""
        self.bus.describe(TEMP, Described("", 'a "unit"\n\\'))
        self.publish(TEMP, math.nan)
        text = self.ask(get("/metrics", "Accept: application/openmetrics-text")).body.decode()
        (value,) = next(family.samples for family in parse_openmetrics(text) if family.name == "netd_value")
        self.assertEqual((value.labels["unit"], value.labels["kind"]), ('a "unit"\n\\', "session"))
        self.assertTrue(math.isnan(value.value))

    def test_stale(self) -> None:
        """A value of long ago is no value of now, nor is one whose subject is forgotten."""
        self.publish(TEMP, 20.0)
        self.publish("session.main.cellar.temp", 8.0)
        self.reactor.advance(STALE)
        self.publish("session.main.attic.temp", 30.0)
        self.bus.forget("session.main.cellar.temp")
        self.assertEqual({name for _, name, *_ in self.told()}, {"greenhouse", "attic"})
        self.reactor.advance(1)
        self.assertEqual({name for _, name, *_ in self.told()}, {"attic"})

    def test_bounded(self) -> None:
        """Above the bound, new channels are left out, and the log and a metric say so until there is room."""
        logged: list[str] = []
        observer = lambda event: logged.append(event.get("log_format") or "")  # noqa: E731
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        for number in range(MOST_VALUES):
            self.publish(f"custom.c{number}", 1.0)
        self.assertEqual(self.full(), 0)
        self.publish(TEMP, 20.0)
        self.publish("session.main.cellar.temp", 20.0)
        self.assertEqual((len(self.told()), self.full()), (MOST_VALUES, 1))
        self.assertEqual(len([line for line in logged if "metrics_values" in line]), 1)
        self.reactor.advance(STALE + 1)
        self.publish("custom.c0", 2.0)
        self.assertEqual(self.full(), 0)
        self.publish(TEMP, 20.0)
        self.assertEqual(set(self.told().values()), {2.0, 20.0})

    def test_confined(self) -> None:
        """Whoever is confined to some subjects sees their values alone."""
        self.publish(TEMP, 20.0)
        self.publish("session.main.cellar.temp", 8.0)
        self.assertEqual(len(self.told(bearer(self.token("all", Role.VIEWER)))), 2)
        mine = bearer(self.token("mine", Role.VIEWER, "session.*.greenhouse.>"))
        self.assertEqual(list(self.told(mine).values()), [20.0])

    def test_demand(self) -> None:
        """The newest is asked for, once a second; and nothing once it is switched off, without a restart."""
        self.assertEqual((self.bus.wants(TEMP), self.bus.interval(TEMP)), (Want.NEWEST, 1.0))
        self.publish(TEMP, 20.0)
        reload(self.service, Config(state_directory=self.state, metrics_values=None))
        self.assertEqual(self.bus.wants(TEMP), Want.NOBODY)
        self.assertNotIn(b"netd_value", self.ask(get("/metrics")).body)
        reload(self.service, Config(state_directory=self.state, metrics_values=("session.>",)))
        self.assertEqual(list(self.told().values()), [20.0])

    def test_follows_once(self) -> None:
        """A reload that leaves the patterns as they are changes nothing."""
        self.publish(TEMP, 20.0)
        before = list(self.bus._subscriptions)
        reload(self.service, Config(state_directory=self.state, max_message=4096, **self.options))
        self.assertEqual(self.bus._subscriptions, before)

    def test_own_node(self) -> None:
        """What other nodes have published is at their own ``/metrics``."""
        self.bus.publish(Message("session.main@north.oven.temp", SampleTaken(1.0, 0.0)))
        reload(self.service, Config(state_directory=self.state, metrics_values=("session.*.oven.*",)))
        self.bus.publish(Message("session.main@north.oven.temp", SampleTaken(1.0, 0.0)))
        self.assertEqual(self.told(), {})

    def test_patterns(self) -> None:
        """The option takes patterns of subjects with measured values, and says which these are."""
        self.assertEqual(value_patterns.read("session.>, wire.scale.sample.*.*"), ("session.>", "wire.scale.sample.*.*"))
        for wrong, why in (("relay.>", "session, wire, custom"), (">", "session, wire"), ("session.main@n.>", "own /metrics")):
            self.assertIn(why, str(self.assertRaises(ValueError, value_patterns.read, wrong)))

    def test_labels(self) -> None:
        """A subject that is too short for labels, or too long, has none."""
        for subject in ("wire.scale.sample.left", "wire", "session.main", "session.main.a.b.c", "custom"):
            self.assertIsNone(labels_of(subject), subject)
