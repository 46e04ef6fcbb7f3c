"""Tests of ``netd.access.diary``: the last use of each credential is written down, in a thread, once a minute at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from netd.access.diary import WRITE_EVERY, UseDiary
from netd.secrets.tokens import Tokens, read_tokens
from netd.secrets.uses import uses_file
from tests.secrets.token_case import TokenTestCase


class DiaryTests(TokenTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.text = self.add("ann")
        self.tokens = Tokens(self.path, lambda: 1_700_000_000.0)
        self.threads: list[tuple[Deferred[Any], Callable[[], Any]]] = []
        self.diary = UseDiary(self.tokens, self.clock, self.in_thread)

    def in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        """A thread that works when the test says so."""
        done: Deferred[Any] = Deferred()
        self.threads.append((done, lambda: function(*arguments)))
        return done

    def work(self) -> None:
        """Have the thread do what it has to."""
        done, function = self.threads.pop()
        maybeDeferred(function).addBoth(done.callback)

    def test_once_a_minute(self) -> None:
        """Uses are written once a minute, if there were any; the next time waits for the disk."""
        self.diary.startService()
        self.tokens.find(self.text, "192.0.2.7")
        self.clock.advance(WRITE_EVERY - 1)
        self.assertEqual(self.threads, [])
        self.clock.advance(1)
        self.tokens.find(self.text, "192.0.2.8")
        self.clock.advance(WRITE_EVERY)
        self.assertEqual(len(self.threads), 1)
        self.work()
        self.assertTrue(uses_file(self.path).read_text().endswith(" 1700000000 192.0.2.7\n"))
        self.clock.advance(WRITE_EVERY)
        self.work()
        self.assertTrue(uses_file(self.path).read_text().endswith(" 1700000000 192.0.2.8\n"))
        self.clock.advance(WRITE_EVERY)
        self.assertEqual(self.threads, [])
        self.assertIsNone(self.successResultOf(self.diary.stopService()))

    def test_stop_and_restart(self) -> None:
        """At the end of the daemon what is new is written; the next run finds it."""
        self.diary.startService()
        self.tokens.find(self.text, "192.0.2.7")
        stopped = self.diary.stopService()
        self.assertNoResult(stopped)
        self.work()
        self.successResultOf(stopped)
        again = Tokens(self.path)
        diary = UseDiary(again, self.clock, self.in_thread)
        diary.startService()
        self.addCleanup(diary.stopService)
        use = again.uses.of(read_tokens(self.path)[0])
        self.assertEqual(use and use.host, "192.0.2.7")

    def test_full_disk(self) -> None:
        """A disk that refuses is told once in the log; what could not be written is, a minute later."""
        self.diary.startService()
        self.tokens.find(self.text, "192.0.2.7")
        mode = self.path.parent.stat().st_mode
        uses_file(self.path).mkdir()
        for _ in range(2):
            self.clock.advance(WRITE_EVERY)
            self.work()
        uses_file(self.path).rmdir()
        self.clock.advance(WRITE_EVERY)
        self.work()
        self.assertTrue(uses_file(self.path).is_file())
        self.assertEqual(mode, self.path.parent.stat().st_mode)
        self.successResultOf(self.diary.stopService())

    def test_untrusted(self) -> None:
        """While the file of tokens cannot be trusted, uses are kept in memory."""
        self.diary.startService()
        self.tokens.find(self.text, "192.0.2.7")
        self.path.chmod(0o644)
        self.clock.advance(WRITE_EVERY)
        self.assertEqual(self.threads, [])
        self.path.chmod(0o600)
        self.clock.advance(WRITE_EVERY)
        self.work()
        self.successResultOf(self.diary.stopService())

    def test_never_started(self) -> None:
        """One that was never started, because another service failed, can be stopped."""
        self.successResultOf(self.diary.stopService())
