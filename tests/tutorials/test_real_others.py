"""The tutorials of programs that others wrote: Home Assistant, Node-RED and Grafana. What these would ask is typed instead."""

from __future__ import annotations

import json

from tests.mqtt.test_real_mosquitto import broker
from tests.process import CHECKOUT
from tests.tutorials.reader import TUTORIALS, TutorialTestCase

FLOW = CHECKOUT / "contrib" / "node-red" / "flow.json"


class OtherProgramsTests(TutorialTestCase):
    def places(self) -> dict[str, str]:
        """What stands in for the broker of a page."""
        return {":1883": f":{broker().port}", "-p 1883": f"-p {broker().port}"}

    def test_home_assistant(self) -> None:
        """The broker has the value, the presence and the description of a sensor, and a text reaches the lamp."""
        self.follow("home-assistant.md", {"homeassistant.local": "127.0.0.1", **self.places()})

    def test_node_red(self) -> None:
        """The broker has the values that the flow hears, and takes what it says; each topic of the flow is on the page."""
        page = (TUTORIALS / "node-red.md").read_text("utf-8")
        topics = [node["topic"] for node in json.loads(FLOW.read_text("utf-8")) if node["type"].startswith("mqtt ")]
        self.assertEqual(len(topics), 3)
        for topic in topics:
            self.assertIn(f"-t '{topic}'" if "+" in topic else f"-t {topic} ", page)
        self.follow("node-red.md", self.places())

    def test_grafana(self) -> None:
        """The gateway answers what Grafana and Prometheus ask, by the token of the page."""
        self.follow("grafana.md")
