"""The options of ``[mqtt]``, and what is said about mistakes in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ConfigErrors
from netd.testing import configured
from tests.mqtt.broker import BROKER, KIND


def section(*lines: str) -> Any:
    """The section with these lines."""
    return configured(KIND, BROKER, *lines)


class MqttConfigTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        """What a section says without more than its broker."""
        config = attrs.evolve(section(), node="lab")
        self.assertEqual((config.remote, config.topics, config.client_id), ("tcp:127.0.0.1:1883", "netd/lab", "netd-lab"))
        self.assertEqual((config.commands, config.discovery, config.qos, config.every), (None, None, 0, 1.0))
        self.assertIsNone(config.password())
        self.assertEqual(attrs.evolve(config, instance="home").client_id, "netd-lab-home")

    def test_mistakes(self) -> None:
        """Each mistake is told with what to write instead."""
        for line, why in (
            ("prefix = a//b", "write words with / between them"),
            ("prefix = a/#", "write words with / between them"),
            ("prefix = $SYS", "write words with / between them"),
            ("prefix = netd/{node}", "only {name} stands in braces"),
            ("publish = a..b", "no token"),
            ("commands = feed", "write relay"),
            ("channels = temp=warmth", "no class of sensors that Home Assistant has"),
            ("channels = temp=temprature", "did you mean temperature"),
            ("channels = a.b=temperature", "no name of a channel"),
            ("channels = temp=temperature", "does nothing without `discovery = homeassistant`"),
            ("password_file = x", "does nothing without `username`"),
            ("qos = 2", "out of range"),
            ("every = 1", "write 1s"),
        ):
            with self.assertRaises(ConfigErrors, msg=line) as caught:
                section(line)
            self.assertIn(why, str(caught.exception), line)

    def test_password(self) -> None:
        """The password is a file's line; a file that is missing, empty or open to others is told before the start."""
        place = Path(self.mktemp())
        config = section("username = netd", f"password_file = {place.absolute()}")
        self.assertIn("no such file", dict(config.objections())["password_file"])
        place.write_text("\n")
        place.chmod(0o600)
        self.assertIn("holds no password", dict(config.objections())["password_file"])
        place.write_text("a secret \n")
        self.assertEqual((config.password(), dict(config.objections())), ("a secret ", {}))
        place.chmod(0o644)
        self.assertIn("password_file", dict(config.objections()))
