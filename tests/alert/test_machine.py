"""The states of an alert: each state with each input, and times that no clock but the monotonic one decides."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.alert.grammar import read_condition
from netd.alert.machine import MOST_SUBJECTS, Alarm, AlertInput, AlertState, Occasion, Watch
from netd.reaction.condition import Condition

TEMP = "session.main.greenhouse.temp"


@frozen
class Rules:
    """Options, as the machine sees them."""

    condition: Condition
    hold: float = 0.0
    repeat: float | None = None
    is_kept: bool = False


class WatchBench(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.3)
        self.told: list[tuple[str, str, Any]] = []

    def watch(self, when: str, **rules: Any) -> Watch:
        """The alert of *when*."""
        read = read_condition(when)
        return Watch(Rules(read.condition, read.hold, **rules), self.clock.seconds, self._tell)

    def _tell(self, alarm: Alarm, occasion: Occasion) -> None:
        self.told.append((occasion.value, alarm.state.value, alarm.value))

    def heard(self) -> list[tuple[str, str, Any]]:
        """What was told, which is forgotten."""
        told, self.told = self.told, []
        return told

    def pass_time(self, watch: Watch, seconds: float) -> None:
        """Let time pass; the watch is called when it has asked for that."""
        until = self.clock.seconds() + seconds
        while (due := watch.due()) is not None and due <= until:
            self.clock.advance(max(0.0, due - self.clock.seconds()))
            watch.tick()
            again = watch.due()
            assert again is None or again > self.clock.seconds(), "a tick leaves nothing that is due"
        self.clock.advance(max(0.0, until - self.clock.seconds()))


class StateTests(WatchBench):
    def test_every_pair(self) -> None:
        """Each input in each state leads to the state of the table, and an absent pair changes and tells nothing."""
        for state in AlertState:
            for happened in AlertInput:
                watch = self.watch(f"{TEMP} > 30 for 1m")
                alarm = Alarm(TEMP, watch.rules.condition.gauge(0.0), state)
                watch._step(alarm, happened)
                found = watch.TRANSITIONS.get((state, happened))
                self.assertIs(alarm.state, state if found is None else found[1], (state, happened))
                if found is None:
                    self.assertEqual(self.heard(), [])
                self.heard()

    def test_fires_and_ends(self) -> None:
        """A condition without a time fires at once, and is told once; its end is told, too. A spike in a batch counts."""
        watch = self.watch(f"{TEMP} > 30")
        watch.take(TEMP, [20, 31, 29])
        self.assertEqual(self.heard(), [("fired", "firing", 31), ("over", "quiet", 29)])
        watch.take(TEMP, [31, 32])
        watch.take(TEMP, [33])
        self.assertEqual(self.heard(), [("fired", "firing", 31)])
        self.assertEqual(watch.alarms[TEMP].value, 33)

    def test_hold(self) -> None:
        """With `for`, the condition must hold all the time; a single value below begins the time anew."""
        watch = self.watch(f"{TEMP} > 30 for 2m")
        watch.take(TEMP, [31])
        self.pass_time(watch, 119)
        watch.take(TEMP, [29])
        watch.take(TEMP, [31])
        self.pass_time(watch, 119.9)
        self.assertEqual(self.heard(), [])
        self.pass_time(watch, 0.1)
        self.assertEqual(self.heard(), [("fired", "firing", 31)])

    def test_repeat(self) -> None:
        """A firing alert is told again, until it is over or somebody acknowledges it."""
        watch = self.watch(f"{TEMP} > 30", repeat=60.0)
        watch.take(TEMP, [31])
        self.pass_time(watch, 125)
        again = ("repeated", "firing", 31)
        self.assertEqual(self.heard(), [("fired", "firing", 31), again, again])
        self.assertEqual([alarm.by for alarm in watch.acknowledge(">", "token panel")], ["token panel"])
        self.pass_time(watch, 600)
        self.assertEqual(self.heard(), [("acknowledged", "acknowledged", 31)])
        self.assertEqual(watch.acknowledge(">", "another"), [])
        watch.take(TEMP, [1])
        self.assertEqual(self.heard(), [("over", "quiet", 1)])

    def test_until_acknowledged(self) -> None:
        """An alert that stays until it is acknowledged does so when its condition is over, and fires again meanwhile."""
        watch = self.watch(f"{TEMP} > 30", is_kept=True, repeat=60.0)
        watch.take(TEMP, [31, 20])
        self.assertEqual(self.heard(), [("fired", "firing", 31), ("kept", "unacknowledged", 20)])
        self.pass_time(watch, 61)
        self.assertEqual(self.heard(), [("repeated", "unacknowledged", 20)])
        watch.take(TEMP, [33, 20])
        self.heard()
        self.assertEqual(watch.acknowledge("relay.>", "a"), [])
        watch.acknowledge(TEMP, "user root")
        self.assertEqual(self.heard(), [("over", "quiet", 20)])
        self.assertEqual(watch.alarms, {})


class ConditionTests(WatchBench):
    def test_silence(self) -> None:
        """A subject that is named is silent from the beginning; each event begins the time anew, and ends the alert."""
        watch = self.watch(f"{TEMP} silent for 5m")
        watch.begin(TEMP)
        self.pass_time(watch, 299)
        watch.take(TEMP, [1])
        self.pass_time(watch, 299)
        self.assertEqual(self.heard(), [])
        self.pass_time(watch, 1)
        self.assertEqual([one[:2] for one in self.heard()], [("fired", "firing")])
        watch.take(TEMP, [2])
        self.assertEqual([one[:2] for one in self.heard()], [("over", "quiet")])

    def test_offline(self) -> None:
        """Devices say whether they are online; sessions and bots have states."""
        watch = self.watch("relay.main.presence.* offline")
        watch.take("relay.main.presence.pump", [{"online": True}, {"online": False}, {"online": True}])
        self.assertEqual([one[0] for one in self.heard()], ["fired", "over"])
        sessions = self.watch("session.main.* offline for 1m")
        for state in ("dialling", "failing", "resting", "dialling"):
            sessions.take("session.main.a", [{"state": state}])
            self.pass_time(sessions, 19)
        self.pass_time(sessions, 1)
        sessions.take("session.main.a", [{"state": "streaming"}, 7.5, {"value": 3}])
        self.assertEqual([one[0] for one in self.heard()], ["fired", "over"])

    def test_end_of_a_room(self) -> None:
        """A room that is over fires; another game ends the alert."""
        watch = self.watch("room.main.lobby.state ends")
        watch.take("room.main.lobby.state", [{"state": "talking"}, {"state": "over"}, {"round": 1}, {"state": "gathering"}])
        self.assertEqual([one[0] for one in self.heard()], ["fired", "over"])

    def test_rate(self) -> None:
        """More than so many errors in a time fire; when enough of them are old, the alert is over without another event."""
        subject = "command.main.run"
        watch = self.watch(f"{subject} outcome = error more than 2 in 1m")
        for _ in range(2):
            watch.take(subject, [{"outcome": "error"}, {"outcome": "success"}])
            self.pass_time(watch, 10)
        self.assertEqual(self.heard(), [])
        watch.take(subject, [{"outcome": "error"}])
        self.assertEqual(self.heard(), [("fired", "firing", "error")])
        self.pass_time(watch, 39)
        self.assertEqual(self.heard(), [])
        self.pass_time(watch, 1)
        self.assertEqual([one[0] for one in self.heard()], ["over"])
        self.pass_time(watch, 60)
        self.assertEqual(watch.alarms, {})
        self.assertIsNone(watch.due())

    def test_rate_of_all(self) -> None:
        """Without a comparison, each event counts."""
        watch = self.watch("custom.x more than 1 in 1s")
        watch.take("custom.x", [1, "a"])
        self.assertEqual([one[0] for one in self.heard()], ["fired"])

    def test_other_events(self) -> None:
        """An event without the member, or with a value of another type, says nothing: it neither fires nor ends an alert."""
        watch = self.watch(f"{TEMP} > 30")
        watch.take(TEMP, [31])
        watch.take(TEMP, [{"other": 1}, "text", True, None, [1]])
        flags = self.watch("custom.x value = yes")
        flags.take("custom.x", [True, 1, "yes"])
        self.assertEqual([one[0] for one in self.heard()], ["fired", "fired"])


class BoundTests(WatchBench):
    def test_subjects_are_forgotten(self) -> None:
        """Subjects that come and go, and on which all is well, leave nothing behind."""
        watch = self.watch("session.> > 30 for 1s")
        for number in range(5000):
            watch.take(f"session.main.a{number}.x", [31, 1])
        self.assertEqual((watch.alarms, watch.unwatched), ({}, 0))

    def test_too_many_subjects(self) -> None:
        """So many subjects are watched; those over it are counted, and the others still work."""
        watch = self.watch("session.> silent for 1m")
        for number in range(MOST_SUBJECTS + 7):
            watch.take(f"session.main.a{number}.x", [1])
        self.assertEqual((len(watch.alarms), watch.unwatched), (MOST_SUBJECTS, 7))
        self.pass_time(watch, 60)
        self.assertEqual(len(self.heard()), MOST_SUBJECTS)


class ReloadTests(WatchBench):
    def test_states_are_kept(self) -> None:
        """A reload neither fires an alert twice nor begins its time anew; another duration counts from the beginning."""
        watch = self.watch(f"{TEMP} > 30 for 2m")
        watch.take(TEMP, [31])
        self.pass_time(watch, 60)
        watch.follow(evolve(watch.rules, hold=90.0))  # type: ignore[misc]
        self.pass_time(watch, 30)
        self.assertEqual([one[0] for one in self.heard()], ["fired"])
        watch.follow(evolve(watch.rules, repeat=10.0))  # type: ignore[misc]
        watch.acknowledge(">", "me")
        self.pass_time(watch, 60)
        self.assertEqual([one[0] for one in self.heard()], ["acknowledged"])

    def test_another_condition(self) -> None:
        """Another condition ends what the old one has found."""
        watch = self.watch(f"{TEMP} > 30")
        watch.take(TEMP, [31])
        watch.follow(Rules(read_condition(f"{TEMP} > 40").condition))
        self.assertEqual([one[0] for one in self.heard()], ["fired", "over"])
        self.assertEqual(watch.alarms, {})

    def test_nobody_has_to_acknowledge_any_more(self) -> None:
        """What stayed only to be acknowledged ends when that is not asked for any more."""
        watch = self.watch(f"{TEMP} > 30", is_kept=True)
        watch.take(TEMP, [31, 1])
        watch.follow(evolve(watch.rules, is_kept=False))  # type: ignore[misc]
        self.assertEqual([one[0] for one in self.heard()], ["fired", "kept", "over"])


class PropertyTests(WatchBench):
    @given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), max_size=40))
    def test_hold_against_a_list(self, samples: list[tuple[float, float]]) -> None:
        """With any times and values, the alert fires exactly when the value has been above for a minute without a break."""
        watch = self.watch(f"{TEMP} > 30 for 1m")
        self.heard()
        fired = since = None
        for wait, value in samples:
            before = self.clock.seconds()
            self.pass_time(watch, wait)
            if since is not None and fired is None and since + 60 <= before + wait:
                fired = True
            watch.take(TEMP, [value])
            now = self.clock.seconds()
            since, fired = (since if since is not None else now, fired) if value > 30 else (None, None)
        is_firing = TEMP in watch.alarms and watch.alarms[TEMP].state is AlertState.FIRING
        self.assertEqual(is_firing, bool(fired))
