"""Tests of ``netd.gateway.metrics``: the status as Prometheus has it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.metrics import exposition

STATUS = {
    "name": "lab",
    "version": "1.2",
    "uptime": 12.5,
    "published": 7,
    "lag": 0.004,
    "turns": {"follow": 2.5, "receive": 0.25},
    "state": "draining",
    "services": [
        {
            "kind": "relay",
            "instance": "lab2",
            "connections": 3,
            "counters": {
                "accepted": 4,
                "bytes_in": 10,
                "bytes_out": 20,
                "refused": {'bad "header"\n': 2, "too slow": 1},
                "dropped": {"latest": 5},
                "blocks": 9,
            },
        },
        {"kind": "plain", "instance": "main"},
        {
            "kind": "bridge",
            "instance": "main",
            "dialling": [
                {"remote": "tcp:a:1", "state": "connected", "connected_for": 0.0},
                {"remote": "tcp:b:1", "state": "waiting", "connected_for": None},
            ],
            "counters": {"dials": {"connected": 3, "unknown name": 4}},
        },
    ],
}


class MetricsTests(SynchronousTestCase):
    def test_samples(self) -> None:
        """All facts are there, by kind, instance and reason, and by nothing that a client chooses."""
        families = text_string_to_metric_families(exposition(STATUS).decode())
        samples = {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
        self.assertEqual(
            samples,
            {
                ("netd_info", "lab", "1.2"): 1,
                ("netd_state", "serving"): 0,
                ("netd_state", "draining"): 1,
                ("netd_state", "stopping"): 0,
                ("netd_uptime_seconds",): 12.5,
                ("netd_event_loop_lag_seconds",): 0.004,
                ("netd_turn_seconds_total", "follow"): 2.5,
                ("netd_turn_seconds_total", "receive"): 0.25,
                ("netd_published_messages_total",): 7,
                ("netd_connections", "lab2", "relay"): 3,
                ("netd_accepted_connections_total", "lab2", "relay"): 4,
                ("netd_received_bytes_total", "lab2", "relay"): 10,
                ("netd_sent_bytes_total", "lab2", "relay"): 20,
                ("netd_refused_total", "lab2", "relay", 'bad "header"\n'): 2,
                ("netd_refused_total", "lab2", "relay", "too slow"): 1,
                ("netd_dropped_total", "lab2", "relay", "latest"): 5,
                ("netd_remote_connected", "main", "bridge", "tcp:a:1"): 1,
                ("netd_remote_connected", "main", "bridge", "tcp:b:1"): 0,
                ("netd_dials_total", "main", "bridge", "connected"): 3,
                ("netd_dials_total", "main", "bridge", "unknown name"): 4,
            },
        )

    def test_each_metric_is_explained(self) -> None:
        """Whoever looks at a metric reads what it is."""
        for family in text_string_to_metric_families(exposition(STATUS).decode()):
            self.assertTrue(family.documentation.endswith("."), family.name)
            self.assertNotEqual(family.type, "unknown")

    def test_cluster(self) -> None:
        """A node of a cluster tells how many others it sees, by state, and what passes between them."""
        cluster = {
            "kind": "cluster",
            "instance": "main",
            "server": "nats://127.0.0.1:4222",
            "nodes": {"there": 2, "gone": 1},
            "waited": 0.5,
            "counters": {
                "events": {"in": 5, "out": 6},
                "lost": 1,
                "dropped": {"queue": 2},
                "calls": {"in": 3, "out": 4},
            },
        }
        families = text_string_to_metric_families(exposition({**STATUS, "services": [cluster]}).decode())
        samples = {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
        told = {name: value for name, value in samples.items() if name[0].startswith("netd_cluster_")}
        self.assertEqual(
            told,
            {
                ("netd_cluster_up",): 1,
                ("netd_cluster_nodes", "gone"): 1,
                ("netd_cluster_nodes", "there"): 2,
                ("netd_cluster_events_total", "in"): 5,
                ("netd_cluster_events_total", "out"): 6,
                ("netd_cluster_lost_total",): 1,
                ("netd_cluster_dropped_total",): 2,
                ("netd_cluster_calls_total", "in"): 3,
                ("netd_cluster_calls_total", "out"): 4,
                ("netd_cluster_call_seconds_count",): 4,
                ("netd_cluster_call_seconds_sum",): 0.5,
            },
        )
