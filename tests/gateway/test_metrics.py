"""Tests of ``netd.gateway.metrics``: the status as Prometheus has it."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.metrics import OPENMETRICS, PLAIN, exposition, format_for

STATUS = {
    "name": "lab",
    "version": "1.2",
    "uptime": 12.5,
    "published": 7,
    "lag": 0.004,
    "turns": {"follow": 2.5, "receive": 0.25},
    "capacity": {"connections": 3, "unidentified": 2, "limit": 100, "waiting": 50, "memory": 1000},
    "stored": {"file": "state.db", "size": 4096, "commits": 3, "waiting": 0, "trouble": "the disk is full"},
    "state": "draining",
    "services": [
        {
            "kind": "relay",
            "instance": "lab2",
            "connections": 3,
            "listening": [
                {"address": "0.0.0.0:5050", "reach": "every machine", "certificate_end": 1.8e9},
                {"address": "127.0.0.1:5051", "reach": "this machine only", "certificate_end": None},
            ],
            "devices": 2,
            "queued": 4,
            "counters": {
                "outcomes": {"sent": 8, "failed": 1},
                "denied": 6,
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
            "kind": "link",
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
            {name: value for name, value in samples.items() if not name[0].startswith("process_")},
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
                ("netd_connections_limit",): 100,
                ("netd_unidentified_connections",): 2,
                ("netd_waiting_bytes",): 50,
                ("netd_waiting_limit_bytes",): 1000,
                ("netd_database_bytes",): 4096,
                ("netd_database_commits_total",): 3,
                ("netd_database_waiting_entries",): 0,
                ("netd_database_trouble",): 1,
                ("netd_certificate_end_timestamp_seconds", "0.0.0.0:5050", "relay", "relay:lab2"): 1.8e9,
                ("netd_relay_devices", "relay:lab2"): 2,
                ("netd_relay_messages_total", "sent", "relay:lab2"): 8,
                ("netd_relay_messages_total", "acknowledged", "relay:lab2"): 0,
                ("netd_relay_messages_total", "failed", "relay:lab2"): 1,
                ("netd_relay_messages_total", "expired", "relay:lab2"): 0,
                ("netd_relay_queued_messages", "relay:lab2"): 4,
                ("netd_relay_said_messages_total", "relay:lab2"): 0,
                ("netd_relay_replaced_devices_total", "relay:lab2"): 0,
                ("netd_relay_denied_devices_total", "relay:lab2"): 6,
                ("netd_connections", "relay", "relay:lab2"): 3,
                ("netd_accepted_connections_total", "relay", "relay:lab2"): 4,
                ("netd_received_bytes_total", "relay", "relay:lab2"): 10,
                ("netd_sent_bytes_total", "relay", "relay:lab2"): 20,
                ("netd_refused_total", "relay", 'bad "header"\n', "relay:lab2"): 2,
                ("netd_refused_total", "relay", "too slow", "relay:lab2"): 1,
                ("netd_dropped_total", "relay", "latest", "relay:lab2"): 5,
                ("netd_remote_connected", "link", "tcp:a:1", "link"): 1,
                ("netd_remote_connected", "link", "tcp:b:1", "link"): 0,
                ("netd_dials_total", "link", "connected", "link"): 3,
                ("netd_dials_total", "link", "unknown name", "link"): 4,
            },
        )

    def test_process(self) -> None:
        """Memory, processor time and open files of the process have the names that they have in every program."""
        names = {family.name for family in text_string_to_metric_families(exposition(STATUS).decode())}
        self.assertLessEqual({"process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds"}, names)

    def test_openmetrics(self) -> None:
        """A client that asks for OpenMetrics gets it, with an end that shows that nothing was cut off."""
        text = exposition(STATUS, OPENMETRICS).decode()
        self.assertTrue(text.endswith("# EOF\n"))
        strict = {family.name: family.type for family in parse_openmetrics(text)}
        self.assertEqual((strict["netd_refused"], strict["netd"], strict["netd_connections"]), ("counter", "info", "gauge"))

    def test_negotiation(self) -> None:
        """Prometheus names OpenMetrics first; a browser and curl do not; a weight of zero declines it."""
        prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        self.assertEqual(format_for(prometheus), OPENMETRICS)
        for accept in ("", "*/*", "text/html, */*;q=0.8", "application/openmetrics-text; q=0, text/plain"):
            self.assertEqual(format_for(accept), PLAIN, accept)

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
            "queue": 77,
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
                ("netd_cluster_up", "cluster"): 1,
                ("netd_cluster_nodes", "cluster", "gone"): 1,
                ("netd_cluster_nodes", "cluster", "there"): 2,
                ("netd_cluster_queue_bytes", "cluster"): 77,
                ("netd_cluster_events_total", "in", "cluster"): 5,
                ("netd_cluster_events_total", "out", "cluster"): 6,
                ("netd_cluster_lost_total", "cluster"): 1,
                ("netd_cluster_dropped_total", "cluster"): 2,
                ("netd_cluster_calls_total", "in", "cluster"): 3,
                ("netd_cluster_calls_total", "out", "cluster"): 4,
                ("netd_cluster_call_seconds_count",): 4,
                ("netd_cluster_call_seconds_sum",): 0.5,
            },
        )
