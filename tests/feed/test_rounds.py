"""Tests of ``netd.feed.rounds`` and ``generator``: what is made, and its forms on the wire."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import BadJSON
from netd.feed.generator import Generator
from netd.feed.rounds import TYPES, Form, Round, Sighting
from netd.message import Message
from tests.feed.bench import TEXTS, FakeFaker, FakeRandom, texts


class RoundTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.round = Round(7, 12.5, {kind: f"<{kind}>" for kind in TYPES})

    def test_eight_texts(self) -> None:
        """An old client gets the eight bare values in the order that it relies on."""
        order = ["name", "country", "email", "url", "text", "latitude", "currency", "city"]
        self.assertEqual(texts(self.round.framed(TEXTS)), [f"<{kind}>" for kind in order])

    def test_samples(self) -> None:
        """A newer client gets what it asked for, with type, time and number."""
        [sample] = texts(self.round.framed(Form(("city",))))
        self.assertEqual(json.loads(sample), {"type": "city", "value": "<city>", "time": 12.5, "seq": 7})
        self.assertEqual([json.loads(text)["type"] for text in self.round.samples(("city", "name"))], ["city", "name"])

    def test_shared(self) -> None:
        """All clients of one form share the same bytes."""
        self.assertIs(self.round.framed(TEXTS), self.round.framed(TEXTS))
        self.assertIs(self.round.framed(Form(("name", "city"))), self.round.framed(Form(("name", "city"))))


class SightingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sighting = Sighting(3, 12.5, Message("session.lab.42.x", {"value": 1.5}))

    def test_texts(self) -> None:
        """An old client gets the event itself."""
        self.assertEqual(texts(self.sighting.framed(TEXTS)), ['{"value":1.5}'])

    def test_samples(self) -> None:
        """A newer client gets the event under its subject, and all who get it share the bytes."""
        [sample] = texts(self.sighting.framed(Form(())))
        self.assertEqual(json.loads(sample), {"type": "session.lab.42.x", "value": {"value": 1.5}, "time": 12.5, "seq": 3})
        self.assertIs(self.sighting.framed(Form(())), self.sighting.framed(Form(("session.>",))))

    def test_unfit(self) -> None:
        """What cannot be JSON is refused as a whole."""
        self.assertRaises(BadJSON, Sighting, 1, 0.0, Message("x", object()))


class GeneratorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.generator = Generator(lambda: dict.fromkeys(TYPES, FakeFaker()), FakeRandom)
        self.generator.prepare()

    def test_without_a_seed(self) -> None:
        """Values without a seed come from chance, one after the other."""
        values = self.generator.values(None)
        self.assertEqual(values.make(("name", "city")), {"name": "name None#1", "city": "city None#2"})

    def test_with_a_seed(self) -> None:
        """The values of one type are the same whichever others are made, and two sequences do not disturb each other."""
        first, second = self.generator.values(5), self.generator.values(5)
        self.assertEqual(first.make(("name", "city"))["city"], "city 5/city#1")
        self.assertEqual(first.make(("city",)), {"city": "city 5/city#2"})
        self.assertEqual(second.make(("city",)), {"city": "city 5/city#1"})
