"""The facts of ``system.status`` as metrics of Prometheus.

Labels are the kind and the instance of a service, the reason of refusals and losses, and remotes of the configuration. No client
chooses a label, so that no client can make the number of series grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

_STATES = ("serving", "draining", "stopping")

_SERVICE = ("kind", "instance")

_COUNTERS = (
    ("accepted", "netd_accepted_connections", "Connections accepted since the start."),
    ("bytes_in", "netd_received_bytes", "Bytes received from clients."),
    ("bytes_out", "netd_sent_bytes", "Bytes sent to clients."),
)

_REASONS = (
    ("refused", "netd_refused", "Clients that broke the protocol, by what they did.", "reason"),
    ("dropped", "netd_dropped", "Messages lost by clients that read too slowly, by policy.", "reason"),
    ("dials", "netd_dials", "Finished attempts to reach a remote, by result.", "result"),
)


def exposition(status: Mapping[str, Any]) -> bytes:
    """Return the result of ``system.status`` as text for Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Facts(status))
    return generate_latest(registry)


@frozen(eq=False)
class _Facts(Collector):
    """All metrics of one moment."""

    status: Mapping[str, Any]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the daemon, then those of its services."""
        status = self.status
        yield InfoMetricFamily("netd", "The daemon.", {"version": status["version"], "name": status["name"]})
        state = GaugeMetricFamily(
            "netd_state", "State of the daemon: 1 for the current one, 0 for the others.", labels=("state",)
        )
        for one in _STATES:
            state.add_metric((one,), float(one == status["state"]))
        yield state
        yield GaugeMetricFamily("netd_uptime_seconds", "Time since the start.", status["uptime"])
        yield GaugeMetricFamily(
            "netd_event_loop_lag_seconds", "Longest delay of the event loop in the last second.", status["lag"]
        )
        turns = CounterMetricFamily(
            "netd_turn_seconds", "Time of the event loop for work that is divided over its turns.", labels=("share",)
        )
        for share, seconds in status["turns"].items():
            turns.add_metric((share,), seconds)
        yield turns
        yield CounterMetricFamily("netd_published_messages", "Messages published on the bus.", status["published"])
        yield from self._of_services()
        for service in status["services"]:
            if service["kind"] == "cluster":
                yield from _of_cluster(service)

    def _of_services(self) -> Iterator[Metric]:
        connections = GaugeMetricFamily("netd_connections", "Open connections.", labels=_SERVICE)
        counters = {key: CounterMetricFamily(name, text, labels=_SERVICE) for key, name, text in _COUNTERS}
        reasons = {key: CounterMetricFamily(name, text, labels=(*_SERVICE, label)) for key, name, text, label in _REASONS}
        remotes = GaugeMetricFamily("netd_remote_connected", "1 while a remote is connected.", labels=(*_SERVICE, "remote"))
        for service in self.status["services"]:
            labels = (service["kind"], service["instance"])
            if "connections" in service:
                connections.add_metric(labels, service["connections"])
            for dialled in service.get("dialling", ()):
                remotes.add_metric((*labels, dialled["remote"]), dialled["connected_for"] is not None)
            counted = service.get("counters", {})
            for key, counter in counters.items():
                if key in counted:
                    counter.add_metric(labels, counted[key])
            for key, family in reasons.items():
                for reason, count in sorted(counted.get(key, {}).items()):
                    family.add_metric((*labels, reason), count)
        yield connections
        yield remotes
        yield from counters.values()
        yield from reasons.values()


def _of_cluster(status: Mapping[str, Any]) -> Iterator[Metric]:
    yield GaugeMetricFamily("netd_cluster_up", "1 while there is a connection to a NATS server.", float(bool(status["server"])))
    nodes = GaugeMetricFamily("netd_cluster_nodes", "Other nodes of the cluster, by state.", labels=("state",))
    for state, count in sorted(status["nodes"].items()):
        nodes.add_metric((state,), count)
    yield nodes
    counted = status["counters"]
    events = CounterMetricFamily("netd_cluster_events", "Events between this node and others.", labels=("direction",))
    for direction, count in counted["events"].items():
        events.add_metric((direction,), count)
    yield events
    yield CounterMetricFamily("netd_cluster_lost", "Events of other nodes that this one has missed.", counted["lost"])
    yield CounterMetricFamily("netd_cluster_dropped", "Events for which the queue was too full.", counted["dropped"]["queue"])
    calls = CounterMetricFamily("netd_cluster_calls", "Calls of operations between nodes.", labels=("direction",))
    for direction, count in counted["calls"].items():
        calls.add_metric((direction,), count)
    yield calls
    answered = "Calls of this node to others, and how long they took until their end."
    yield SummaryMetricFamily("netd_cluster_call_seconds", answered, counted["calls"].get("out", 0), status["waited"])
