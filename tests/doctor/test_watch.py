"""Tests of ``netd.doctor.watch``: what a running daemon says of itself."""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import to_plain
from netd.config import parse
from netd.daemon import assemble
from netd.doctor.findings import Examination
from netd.doctor.inside import examine_daemon, examine_services
from netd.doctor.watch import PATIENCE, Doctor
from netd.kinds import find_kinds
from netd.operations import Role
from netd.secrets.tokens import TOKENS
from netd.testing import make_caller, result_of, run_now

INI = "[netd]\nstate_directory = {}\n[relay]\n[session]\n[command]\n[recorder]\n[alert:hot]\nwhen = session.main.*.temp > 30\n"


class DoctorBench(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.time = 1_800_000_000.0
        configs = {name: kind.config for name, kind in find_kinds().items()}
        self.configuration = parse(INI.format(self.mktemp()), "netd.ini", configs, {}, 1000, "lab")
        self.daemon: Any = assemble(self.configuration, find_kinds(), self.reactor, self.wall, run=run_now)
        [self.doctor] = [service for service in self.daemon.services if isinstance(service, Doctor)]
        self.doctor.run = run_now

    def wall(self) -> float:
        """The wall clock."""
        return self.time + self.reactor.seconds()

    def examine(self, role: Role = Role.VIEWER, *subjects: str) -> Examination:
        """What a caller is told."""
        examination: Examination = result_of(self.doctor.examine(make_caller(role, subjects or None)))
        return examination

    def told(self, check: str, *subjects: str) -> list[str]:
        """What a caller is told of one thing."""
        return [f"{one.level}: {one.text}" for one in self.examine(Role.VIEWER, *subjects).findings if one.check == check]

    def start(self) -> None:
        """Start the doctor alone."""
        self.doctor.startService()
        self.addCleanup(self.doctor.stopService)


class DoctorTests(DoctorBench):
    def test_all_is_well(self) -> None:
        """A daemon that has just started is well, section by section."""
        self.assertIn("ok: [relay] is well", self.told("service"))
        self.assertEqual(["ok"], [one.level for one in self.examine().findings if one.check == "configuration"])

    def test_would_not_start_again(self) -> None:
        """What keeps a section from starting is a problem while netd still runs: a file of tokens that others can read."""
        ini = INI.format(self.configuration.netd.state_directory) + "[gateway]\nlisten = tcp:8080:interface=127.0.0.1\n"
        configs = {name: kind.config for name, kind in find_kinds().items()}
        self.doctor.read = lambda: parse(ini, "netd.ini", configs, {}, 1000, "lab")
        tokens = self.configuration.netd.state_directory / TOKENS
        tokens.parent.mkdir(mode=0o700, exist_ok=True)
        tokens.write_text("")
        tokens.chmod(0o644)
        self.assertIn("is open to other users", "\n".join(self.told("configuration")))
        tokens.chmod(0o600)
        [told] = self.told("configuration")
        self.assertTrue(told.startswith("ok: "), told)

    def test_worst_first(self) -> None:
        """The whole is as well as its worst part, which is told first."""
        self.daemon.system.note_lag(0.5)
        self.doctor.read = self.fail
        examination = self.examine()
        self.assertEqual((examination.level, examination.findings[0].check), ("problem", "doctor"))
        self.assertIn("everything was late by up to 0.50 s", self.told("event loop")[0])

    def test_strangers(self) -> None:
        """Programs that were refused are told, but not to those who may not see that section."""
        [relay] = [service for service in self.daemon.sections.by_name.values() if service.instance == "main"][:1]
        relay._factory.share = self.doctor_share()
        relay._factory.note_refusal("bad header", None, "no digits", b"SSH-2.0")
        self.assertIn("it looks like an SSH client", self.told("strangers")[0])
        self.assertEqual([], self.told("strangers", "session.>"))

    def doctor_share(self) -> Any:
        """A share of a budget whose refusals the doctor knows, as each section has one in a daemon."""
        [relay, *_] = self.daemon.sections.by_name.values()
        self.assertIs(relay._factory.share.budget.refusals, self.doctor.refusals)
        return relay._factory.share

    def test_losses(self) -> None:
        """Messages that were lost are told for ten minutes."""
        self.start()
        [relay, *_] = self.daemon.sections.by_name.values()
        self.reactor.advance(60)
        relay._factory.context.traffic.dropped["latest"] = 3
        self.assertIn("3 messages of [relay] were lost", self.told("queues")[0])
        for _ in range(12):
            self.reactor.advance(60)
        self.assertEqual([], self.told("queues"))

    def test_clock_that_is_set(self) -> None:
        """A step of the wall clock is told, with its size."""
        self.start()
        self.time += 3600
        self.reactor.advance(60)
        self.reactor.advance(60)
        [_, step] = sorted(self.told("clock"))
        self.assertIn("the clock was set by +3600.0 s before", step)

    def test_disk_that_hangs(self) -> None:
        """A file system that does not answer is a problem, and keeps nobody waiting; its answer may come later."""
        waiting: list[Any] = []
        self.doctor.run = lambda function, report: waiting.append(report)
        answer = self.doctor.examine(make_caller(Role.VIEWER))
        self.reactor.advance(PATIENCE)
        examination: Examination = result_of(answer)
        self.assertIn("has not answered", examination.findings[0].text)
        waiting[0](Failure(OSError("late")))


class InsideTests(DoctorBench):
    def facts(self, **changed: Any) -> Any:
        """The status of the daemon, with changes."""
        return to_plain(self.daemon.system.facts()) | changed

    def daemon_says(self, **changed: Any) -> list[tuple[str, str]]:
        """What is told of the daemon as a whole, if it is not well."""
        return [(one.check, one.level) for one in examine_daemon(self.facts(**changed), 0.0) if one.level != "ok"]

    def test_daemon(self) -> None:
        """A state database with trouble is a problem; draining, a low limit of files and full memory are warnings."""
        room = {"connections": 0, "unidentified": 0, "limit": 1000, "waiting": 0, "memory": 100 << 20}
        self.assertEqual([], self.daemon_says(capacity=room))
        self.assertEqual([("daemon", "warning")], self.daemon_says(capacity=room, state="draining"))
        stored = {"file": "", "size": 0, "commits": 0, "waiting": 0, "trouble": "the disk is full"}
        self.assertEqual([("state", "problem")], self.daemon_says(capacity=room, stored=stored))
        for changed in ({"limit": 100}, {"connections": 950}):
            self.assertEqual([("descriptors", "warning")], self.daemon_says(capacity=room | changed))
        self.assertEqual([("memory", "warning")], self.daemon_says(capacity=room | {"waiting": 99 << 20}))

    def test_forward(self) -> None:
        """What is not sent on is told, and so are lines that the server does not take."""
        good = {"kind": "forward", "instance": "main", "state": "sending", "reason": "", "lag": 1.0, "last_skipped": None}
        good["counters"] = {"lines": {"sent": 5, "skipped": 0}}
        skipped = {"counters": {"lines": {"sent": 5, "skipped": 2}}, "last_skipped": "the answer is 400"}
        cases = [
            ({}, "ok"),
            ({"state": "refused", "reason": "401"}, "problem"),
            ({"state": "behind"}, "warning"),
            (skipped, "warning"),
        ]
        for changed, level in cases:
            self.assertEqual([(one.section, one.level) for one in examine_services([good | changed])], [("forward", level)])

    def test_wires(self) -> None:
        """A wire tells what does not fit its rules, and what nobody answers; a torn line at the start is nothing to tell."""
        wire = {"kind": "wire", "instance": "dmm"}
        for notes, words in (
            ({"unmatched": 9, "unanswered": 1}, ["[wire:dmm] is well"]),
            ({"unmatched": 10}, ["[wire:dmm]: no rule takes 10 messages so far"]),
            ({"unanswered": 40, "over the rate": 3}, ["[wire:dmm]: 40 questions have had no answer so far"]),
        ):
            found = list(examine_services([wire | {"counters": {"notes": notes}}]))
            self.assertEqual(words, [one.text for one in found])
            self.assertTrue(all("--instance dmm" in one.remedy for one in found if one.level == "warning"))

    def test_services(self) -> None:
        """Each kind tells its own troubles, with the remedy."""
        services = {one["kind"]: one for one in self.facts()["services"]}
        services["recorder"] |= {"state": "paused", "reason": "the disk is full", "damaged": {"2026-01-01.db": "torn"}}
        services["command"] |= {"trouble": "commands.py:3: …", "threads": {"busy": 8, "size": 8, "waiting": 2}}
        services["alert"] |= {"last_failure": "no route", "counters": {"deliveries": {"failed": 2}}}
        remote = {"remote": "tcp:a:1", "connected_for": None, "failures": 3, "last_failure": "refused", "next_attempt": 1.0}
        link = {"kind": "link", "instance": "b2", "dialling": [remote, remote | {"connected_for": 1.0}]}
        cluster = {"kind": "cluster", "instance": "main", "server": "", "trouble": "", "nodes": {"gone": 1, "there": 2}}
        cluster["doubles"] = [f"d{number}" for number in range(12)]
        fast = {"kind": "bridge", "instance": "fast", "counters": {"messages": {"dropped": 3}, "pauses": 1}, "last_failure": "…"}
        slow = {"kind": "bridge", "instance": "slow", "counters": {"messages": {"failed": 1}, "pauses": 0}, "last_failure": "…"}
        found = [(one.section, one.level) for one in examine_services([*services.values(), link, cluster, fast, slow])]
        self.assertEqual(
            found,
            [
                ("relay", "ok"),
                ("session", "ok"),
                ("command", "warning"),
                ("command", "warning"),
                ("recorder", "problem"),
                ("recorder", "warning"),
                ("alert:hot", "problem"),
                ("link:b2", "warning"),
                ("cluster", "problem"),
                ("cluster", "warning"),
                ("cluster", "warning"),
                ("bridge:fast", "problem"),
                ("bridge:slow", "warning"),
            ],
        )
