"""Tests of ``contrib/``: rules and dashboard ask only for metrics and labels that netd has."""

from __future__ import annotations

import json
import re
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import to_plain
from netd.config import parse
from netd.daemon import assemble
from netd.gateway.metrics import OPENMETRICS, MeasuredValue, MeasuredValues, exposition
from netd.gateway.values import labels_of
from netd.kinds import find_kinds
from netd.testing import run_now
from tests.process import CHECKOUT

RULES = CHECKOUT / "contrib" / "prometheus" / "netd.rules.yml"
DASHBOARD = CHECKOUT / "contrib" / "grafana" / "netd.json"

SECTIONS = """
[netd]
state_directory = {folder}
[relay]
[session]
[feed]
[command]
[room]
[alert:hot]
when = session.main.*.temp > 30
[bridge:fan]
from = session.main.*.temp
to = relay.main.fan
[gateway]
[recorder]
[forward]
url = http://127.0.0.1:8428/write
[cluster]
servers = nats://127.0.0.1:4222
"""

GIVEN = {"job", "instance"}
"""Labels that Prometheus adds to each series."""

_METRIC = re.compile(r"\b((?:netd|process)_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_GROUPED = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


def expressions() -> list[str]:
    """All that the rules and the dashboard ask Prometheus."""
    written = RULES.read_text(encoding="utf-8")
    found = re.findall(r"expr: (?:>-\n)?(.*?)\n        (?:for|labels):", written, re.DOTALL)
    assert len(found) == written.count("- alert:")
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [*found, *(target["expr"] for panel in panels for target in panel.get("targets", ()))]


class ContribTests(SynchronousTestCase):
    def families(self) -> list[Metric]:
        """The metrics of a daemon with a section of each kind, to which everything has happened once."""
        configs = {name: kind.config for name, kind in find_kinds().items()}
        text = SECTIONS.format(folder=self.mktemp())
        configuration = parse(text, "netd.ini", configs, {}, 0, "lab")
        daemon: Any = assemble(configuration, find_kinds(), MemoryReactorClock(), lambda: 0.0, run=run_now)
        facts = to_plain(daemon.system.facts())
        relay = next(service for service in facts["services"] if service["kind"] == "relay")
        for happened in ("refused", "dropped", "dials"):
            relay["counters"].setdefault(happened, {})["something"] = 1
        relay["listening"] = [{"address": "0.0.0.0:5050", "reach": "", "certificate_end": 1.8e9}]
        relay["dialling"] = [{"remote": "tcp:far:1", "connected_for": None}]
        labels = {**(labels_of("session.main.oven.temp") or {}), "unit": "°C"}
        measured = MeasuredValues([MeasuredValue(labels, 21.5)], is_over=False)
        return list(text_string_to_metric_families(exposition(facts, OPENMETRICS, measured=measured).decode()))

    def test_every_metric_and_label_exists(self) -> None:
        """No panel stays empty, and no alert silent, because netd calls a metric or its label otherwise."""
        labels: dict[str, set[str]] = {}
        for family in self.families():
            for sample in family.samples:
                labels.setdefault(sample.name, set(GIVEN)).update(sample.labels)
        missing = []
        for expression in expressions():
            used = _METRIC.findall(expression)
            for name, matchers in used:
                wanted = set(_MATCHER.findall(matchers))
                if name not in labels or wanted - labels[name]:
                    missing.append(f"{name} {sorted(wanted)} in {expression}")
            grouped = {label.strip() for group in _GROUPED.findall(expression) for label in group.split(",")}
            known = set[str]().union(*(labels.get(name, set()) for name, _ in used))
            if grouped - known:
                missing.append(f"{sorted(grouped - known)} in {expression}")
        self.assertEqual([], missing)
        self.assertIn("netd_recorder_size_bytes", labels)

    def test_legends(self) -> None:
        """What a legend names is a label of its own series."""
        panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
        labels = {label for family in self.families() for sample in family.samples for label in sample.labels} | GIVEN
        for panel in panels:
            for target in panel.get("targets", ()):
                self.assertLessEqual(set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])), labels, panel["title"])
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
