"""What an alert finds again after a restart: the subjects on which it fires, or waits to be acknowledged.

A subject that is pending begins anew: whether its condition held while netd was away, nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netd.alert.machine import MOST_SUBJECTS, Alarm, AlertRules, AlertState, Occasion, Watch
from netd.interfaces import IStatePart, IStateTable
from netd.reaction.condition import Condition, plain_value

__all__ = ["AlertRecords"]

KEPT = (AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.UNACKNOWLEDGED)

SOON = 1.0
"""Seconds within which a change is written: a value about its limit changes the state with each sample."""


class AlertRecords:
    """The records of one alert. Without a state, nothing is written.

    :param monotonic: the clock of the alert's times. It begins anew with each run, so that they are written by the other one.
    :param wall: the time, in seconds since the epoch.
    """

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._table: IStateTable | None = None

    def load(self, part: IStatePart, rules: AlertRules, watch: Watch, read: Callable[[str], Condition]) -> dict[str, float]:
        """Have *watch* go on with what an earlier run of netd has written. What another condition has left is dropped.

        :param read: reads the text of a condition.
        :returns: when each of them fired, in seconds since the epoch.
        """
        self._table = part.table("alarm")
        fired = {}
        for subject, entry in self._table.load(MOST_SUBJECTS):
            try:
                state, times = AlertState(entry["state"]), [float(entry[name]) for name in ("since", "told", "fired")]
                is_meant = read(entry["when"]) == rules.condition and (rules.is_kept or state is not AlertState.UNACKNOWLEDGED)
                value, by = entry["value"], str(entry["by"])
            except (KeyError, TypeError, ValueError):
                is_meant = False  # of a netd with other records
            if not is_meant or state not in KEPT:
                self._table.drop(subject)
                continue
            watch.restore(subject, state, self._here(times[0]), self._here(times[1]), value, by)
            fired[subject] = times[2]
        return fired

    def note(self, alarm: Alarm, occasion: Occasion, when: str, fired: float) -> None:
        """Note a change of *alarm*.

        :param when: the text of the condition.
        :param fired: when it fired, in seconds since the epoch.
        """
        if self._table is None:
            return
        if alarm.state not in KEPT:
            self._table.drop(alarm.subject, SOON)
            return
        within = 0.0 if occasion is Occasion.ACKNOWLEDGED else SOON
        self._table.note(alarm.subject, lambda: self._entry(alarm, when, fired), within)

    def _entry(self, alarm: Alarm, when: str, fired: float) -> dict[str, Any]:
        ahead = self._wall() - self._monotonic()
        return {
            "state": alarm.state.value,
            "since": alarm.since + ahead,
            "told": alarm.told + ahead,
            "fired": fired,
            "value": plain_value(alarm.value),
            "by": alarm.by,
            "when": when,
        }

    def _here(self, time: float) -> float:
        """Return a time of the wall clock by that of this run. None is still to come, whatever the clock was set to."""
        return self._monotonic() - max(0.0, self._wall() - time)
