"""The metrics of each kind of service: which member of its status each of them shows.

Pure. Labels are the instance of a service and words of netd's own, such as the outcome of a message. No client chooses one, so
that no client can make the number of series grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

__all__ = ["DAEMON", "MEASURES", "Measure"]


@frozen
class Measure:
    """A metric.

    :ivar name: its name, without the ``_total`` of counters.
    :ivar path: the members of the status that lead to its value, with dots between them.
    :ivar text: its explanation.
    :ivar is_counter: whether it only grows.
    :ivar label: the label that tells the values of an object apart; empty where there is one value.
    :ivar known: values of that label which are there from the start: a rate has a beginning then.
    """

    name: str
    path: str
    text: str
    is_counter: bool = False
    label: str = ""
    known: tuple[str, ...] = ()

    def values(self, status: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], float]]:
        """Yield the value, or each value with the value of its label. Without the member, there is none."""
        found: Any = status
        for member in self.path.split("."):
            if not isinstance(found, Mapping):
                return
            found = found.get(member)
        if found is None and self.is_counter:
            found = {} if self.label else 0  # nothing has been counted yet
        if not self.label:
            yield (), _number(found)
        elif isinstance(found, str):
            for word in self.known:
                yield (word,), float(word == found)
        else:
            for word, number in sorted((dict.fromkeys(self.known, 0) | found).items()):
                yield (word,), float(number)


def _number(found: Any) -> float:
    """Return a number, the size of an object, or for a text whether there is one."""
    if isinstance(found, (int, float)):
        return float(found)
    return float(len(found)) if isinstance(found, Mapping) else float(bool(found))


DAEMON = (
    Measure("netd_state", "state", "State of the daemon: 1 for the current one, 0 for the others.", False, "state",
            ("serving", "draining", "stopping")),
    Measure("netd_uptime_seconds", "uptime", "Time since the start."),
    Measure("netd_event_loop_lag_seconds", "lag", "Longest delay of the event loop in the last second."),
    Measure("netd_turn_seconds", "turns", "Time of the event loop for work that is divided over its turns.", True, "share"),
    Measure("netd_published_messages", "published", "Messages published on the bus.", True),
    Measure("netd_connections_limit", "capacity.limit", "Connections that there may be, of all services together."),
    Measure("netd_unidentified_connections", "capacity.unidentified", "Open connections that have sent no whole message yet."),
    Measure("netd_waiting_bytes", "capacity.waiting", "Memory of unfinished messages, and of what clients have not read yet."),
    Measure("netd_waiting_limit_bytes", "capacity.memory", "Memory that may be used for that."),
    Measure("netd_database_bytes", "stored.size", "Size of the state database."),
    Measure("netd_database_commits", "stored.commits", "Commits to the state database.", True),
    Measure("netd_database_waiting_entries", "stored.waiting", "Entries that wait to be written to the state database."),
    Measure("netd_database_trouble", "stored.trouble", "1 while something is wrong with the state database."),
)  # fmt: skip
"""The metrics of the daemon as a whole."""

MEASURES: Mapping[str, tuple[Measure, ...]] = {
    "relay": (
        Measure("netd_relay_devices", "devices", "Connected devices."),
        Measure("netd_relay_messages", "counters.outcomes", "Messages to devices, by outcome.", True, "outcome",
                ("sent", "acknowledged", "failed", "expired")),
        Measure("netd_relay_queued_messages", "queued", "Messages that wait for devices that are away."),
        Measure("netd_relay_said_messages", "counters.said", "Messages that devices have sent of their own accord.", True),
        Measure("netd_relay_replaced_devices", "counters.replaced", "Connections that lost their name to a newer one.", True),
        Measure("netd_relay_denied_devices", "counters.denied", "Connections that did not get the name they asked for.", True),
    ),
    "session": (
        Measure("netd_session_sessions", "sessions", "Sessions that have not ended."),
        Measure("netd_session_streaming", "streaming", "Sessions whose agents stream."),
        Measure("netd_session_started", "counters.started", "Sessions begun.", True),
        Measure("netd_session_samples", "counters.samples", "Samples received.", True),
        Measure("netd_session_bad_samples", "counters.bad", "Samples that were no number, or of no channel.", True),
    ),
    "feed": (
        Measure("netd_feed_subscribers", "subscribers", "Clients that receive samples."),
        Measure("netd_feed_streams", "streams", "Different streams."),
        Measure("netd_feed_reported_blocks", "counters.blocks", "Blocks that clients have reported.", True),
        Measure("netd_feed_late_rounds", "counters.late", "Rounds sent too late, because netd was busy.", True),
    ),
    "command": (
        Measure("netd_command_runs", "counters.runs", "Finished runs of commands, by outcome.", True, "outcome",
                ("success", "error", "expired")),
        Measure("netd_command_running", "running", "Functions that have not returned."),
        Measure("netd_command_busy_threads", "threads.busy", "Threads that run a function."),
        Measure("netd_command_threads", "threads.size", "Threads that there may be."),
        Measure("netd_command_waiting_calls", "threads.waiting", "Calls that wait for a thread."),
        Measure("netd_command_file_trouble", "trouble", "1 while the newest content of a watched file is not in force."),
    ),
    "room": (
        Measure("netd_room_rooms", "rooms", "Rooms that are not over."),
        Measure("netd_room_opened", "counters.rooms", "Rooms opened.", True),
        Measure("netd_room_passed_lines", "counters.passed_on", "Lines passed on to other bots.", True),
    ),
    "recorder": (
        Measure("netd_recorder_state", "state", "State of the recorder: 1 for the current one, 0 for the others.", False, "state",
                ("recording", "paused", "dropping")),
        Measure("netd_recorder_recorded", "counters.recorded", "Samples and events recorded.", True),
        Measure("netd_recorder_unrecorded", "counters.unrecorded", "Samples and events that cannot be recorded.", True, "reason"),
        Measure("netd_recorder_size_bytes", "size", "Size of all files."),
        Measure("netd_recorder_parts", "parts", "Files of days."),
        Measure("netd_recorder_damaged_parts", "damaged", "Files that cannot be read."),
        Measure("netd_recorder_waiting_bytes", "waiting", "Memory of what waits to be written."),
    ),
    "alert": (
        Measure("netd_alert_firing", "firing", "Subjects on which the alert fires."),
        Measure("netd_alert_deliveries", "counters.deliveries", "Attempts to tell of the alert, by outcome.", True, "outcome",
                ("sent", "retried", "failed", "dropped")),
        Measure("netd_alert_waiting_deliveries", "waiting", "Deliveries that wait for their turn, or for another try."),
    ),
    "forward": (
        Measure("netd_forward_state", "state", "State of the sending: 1 for the current one, 0 for the others.", False, "state",
                ("sending", "behind", "waiting", "refused")),
        Measure("netd_forward_lag_seconds", "lag", "Age of the oldest that is recorded and not sent on."),
        Measure("netd_forward_lines", "counters.lines", "Lines that the server has taken or never will.", True, "outcome",
                ("sent", "skipped")),
        Measure("netd_forward_requests", "counters.requests", "Requests to the server.", True),
        Measure("netd_forward_failures", "counters.failures", "Attempts to send on that failed, and are repeated.", True),
    ),
    "mqtt": (
        Measure("netd_mqtt_published", "counters.published", "Publications that have left for the broker.", True),
        Measure("netd_mqtt_dropped", "counters.dropped", "Publications that never left.", True, "reason",
                ("dropped", "replaced")),
        Measure("netd_mqtt_commands", "counters.commands", "Messages to devices by topics, by outcome.", True, "outcome",
                ("acknowledged", "failed")),
        Measure("netd_mqtt_waiting_publications", "waiting", "Publications that wait for the broker."),
        Measure("netd_mqtt_waiting_bytes", "size", "Memory of publications that wait for the broker."),
    ),
    "bridge": (
        Measure("netd_bridge_messages", "counters.messages", "Messages of the bridge, by outcome.", True, "outcome",
                ("sent", "failed", "dropped")),
        Measure("netd_bridge_pauses", "counters.pauses", "Pauses of the bridge after too many messages within a second.", True),
        Measure("netd_bridge_waiting_messages", "waiting", "Messages that wait for their time, or for their turn."),
    ),
    "gateway": (
        Measure("netd_gateway_websockets", "websockets", "Open WebSockets."),
    ),
    "cluster": (
        Measure("netd_cluster_up", "server", "1 while there is a connection to a NATS server."),
        Measure("netd_cluster_nodes", "nodes", "Other nodes of the cluster, by state.", False, "state", ("there", "gone")),
        Measure("netd_cluster_queue_bytes", "queue", "Size of the events that wait for NATS."),
        Measure("netd_cluster_events", "counters.events", "Events to and from other nodes.", True, "direction", ("in", "out")),
        Measure("netd_cluster_lost", "counters.lost", "Events of other nodes that this one has missed.", True),
        Measure("netd_cluster_dropped", "counters.dropped.queue", "Events for which the queue was too full.", True),
        Measure("netd_cluster_calls", "counters.calls", "Calls of operations between nodes.", True, "direction"),
    ),
}  # fmt: skip
"""The metrics of each kind, beside those that all kinds have."""
