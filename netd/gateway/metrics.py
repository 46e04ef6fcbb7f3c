"""The facts of ``system.status`` as metrics, in the format of Prometheus or in OpenMetrics; and measured values.

Labels are the kind and the section of a service, the reason of refusals and losses, and remotes of the configuration. No client
chooses a label, so that no client can make the number of series grow. Measured values are there only where the configuration
wants them, and so many at most (:mod:`netd.gateway.values`). A section is not called ``instance``: Prometheus gives that
name to the daemon that it has asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from netd.gateway.measures import DAEMON, MEASURES, Measure
from netd.status import section_of

__all__ = ["OPENMETRICS", "PLAIN", "MeasuredValue", "MeasuredValues", "exposition", "format_for"]

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")

_SERVICE = ("kind", "section")

_VALUE = ("kind", "section", "name", "channel", "unit")

_COUNTERS = (
    ("accepted", "netd_accepted_connections", "Connections accepted since the start."),
    ("bytes_in", "netd_received_bytes", "Bytes received from clients."),
    ("bytes_out", "netd_sent_bytes", "Bytes sent to clients."),
)

_REASONS = (
    ("refused", "netd_refused", "Clients that broke the protocol or were not let in, by reason.", "reason"),
    ("dropped", "netd_dropped", "Messages lost by clients that read too slowly, by policy.", "reason"),
    ("dials", "netd_dials", "Finished attempts to reach a remote, by result.", "result"),
)


@frozen
class MeasuredValue:
    """One measured value, with the values of its labels by name."""

    labels: Mapping[str, str]
    value: float


@frozen
class MeasuredValues:
    """The measured values of one moment.

    :ivar is_over: whether there are more, which are left out.
    """

    values: Sequence[MeasuredValue]
    is_over: bool


def format_for(accept: str) -> str:
    """Return the content type for a client with this ``Accept``: OpenMetrics for those that name it, as Prometheus does."""
    for part in accept.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        if name == "application/openmetrics-text":
            return PLAIN if any(_REFUSED.fullmatch(word) for word in parameters) else OPENMETRICS
    return PLAIN


def exposition(
    status: Mapping[str, Any], content_type: str = PLAIN, is_own: bool = True, measured: MeasuredValues | None = None
) -> bytes:
    """Return the result of ``system.status`` as text of this type.

    :param is_own: whether it is the status of this process, of which further facts are added then.
    :param measured: the measured values to add; None where none are wanted.
    """
    registry = CollectorRegistry()
    registry.register(_Facts(status))
    if measured is not None:
        registry.register(_Values(measured))
    if is_own:
        ProcessCollector(registry=registry)
    render: Callable[[CollectorRegistry], bytes] = generate_openmetrics if content_type == OPENMETRICS else generate_latest
    return render(registry)


@frozen(eq=False)
class _Facts(Collector):
    """All metrics of one moment."""

    status: Mapping[str, Any]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the daemon, then those of its services."""
        status, services = self.status, self.status["services"]
        yield InfoMetricFamily("netd", "The daemon.", {"version": status["version"], "name": status["name"]})
        for measure in DAEMON:
            yield _family(measure, (), [((), status)])
        yield from self._of_services()
        for kind, measures in MEASURES.items():
            told = [((section_of(service),), service) for service in services if service["kind"] == kind]
            for measure in measures if told else ():
                yield _family(measure, ("section",), told)
        for service in services:
            if service["kind"] == "cluster":
                answered = "Calls of this node to others, and how long they took until their end."
                ended = service["counters"]["calls"].get("out", 0)
                yield SummaryMetricFamily("netd_cluster_call_seconds", answered, ended, service["waited"])

    def _of_services(self) -> Iterator[Metric]:
        connections = GaugeMetricFamily("netd_connections", "Open connections.", labels=_SERVICE)
        counters = {key: CounterMetricFamily(name, text, labels=_SERVICE) for key, name, text in _COUNTERS}
        reasons = {key: CounterMetricFamily(name, text, labels=(*_SERVICE, label)) for key, name, text, label in _REASONS}
        ended = "When the certificate ends that is shown there, in seconds since 1970."
        certificates = GaugeMetricFamily("netd_certificate_end_timestamp_seconds", ended, labels=(*_SERVICE, "address"))
        remotes = GaugeMetricFamily("netd_remote_connected", "1 while a remote is connected.", labels=(*_SERVICE, "remote"))
        for service in self.status["services"]:
            labels = (service["kind"], section_of(service))
            if "connections" in service:
                connections.add_metric(labels, service["connections"])
            for place in service.get("listening", ()):
                if place.get("certificate_end") is not None:
                    certificates.add_metric((*labels, place["address"]), place["certificate_end"])
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
        yield certificates
        yield remotes
        yield from counters.values()
        yield from reasons.values()


@frozen(eq=False)
class _Values(Collector):
    """The measured values of one moment."""

    measured: MeasuredValues

    def collect(self) -> Iterator[Metric]:
        """Yield the values, and whether there are more."""
        values = GaugeMetricFamily("netd_value", "Newest measured value of a channel.", labels=_VALUE)
        for one in self.measured.values:
            values.add_metric([one.labels[label] for label in _VALUE], one.value)
        yield values
        yield GaugeMetricFamily("netd_values_full", "1 while there are more values than may be here.", self.measured.is_over)


def _family(measure: Measure, labels: tuple[str, ...], told: Iterable[tuple[tuple[str, ...], Mapping[str, Any]]]) -> Metric:
    """Return a metric with the values of all these statuses, each with the values of the *labels* that tell it apart."""
    names = (*labels, measure.label) if measure.label else labels
    family = (CounterMetricFamily if measure.is_counter else GaugeMetricFamily)(measure.name, measure.text, labels=names)
    for own, status in told:
        for word, value in measure.values(status):
            family.add_metric((*own, *word), value)
    return family
