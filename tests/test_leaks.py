"""No secret of anybody's is in the files of the checkout."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.process import CHECKOUT

FOLDERS = ("bench", "contrib", "docs", "etc", "examples", "netd", "newsfragments", "tests", "twisted")

SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(?:[A-Za-z0-9+/=]{40,}\n)+"),
    "a token of netd": re.compile(r"\bnetd_(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[A-Za-z0-9_-]{43}\b"),
    "a seed of NATS": re.compile(r"\bSU[A-Z2-7]{56}\b"),
    "a key of GitHub": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{60,}"),
    "a key of AWS": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a webhook of Slack": re.compile(r"hooks\.slack\.com/services/T\w+/B\w+/\w{20,}"),
    "a key of GitLab, Google or Stripe": re.compile(r"\bglpat-[\w-]{20}\b|\bAIza[\w-]{35}\b|\bsk_live_\w{20,}"),
}

MADE_UP = {
    "tests/secrets/test_nkeys.py": "an example of the format's own page",
    "tests/cli/test_support.py": "the same example, which is to be taken out of a log",
    "tests/test_redaction.py": "the same",
    "tests/secrets/test_token_file.py": "a token of nobody, whose form is tested",
    "examples/nats/leaf.conf": "a placeholder, all of one letter",
}
"""Files with secrets of nobody, and why."""


def leaks(text: str) -> list[str]:
    """What *text* has that looks like a secret."""
    return [name for name, shape in SHAPES.items() if shape.search(text)]


class LeakTests(SynchronousTestCase):
    def test_checkout(self) -> None:
        """Whoever publishes the checkout publishes no key, token or password with it."""
        found = {}
        paths = [path for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*") if path.suffix not in (".pyc", ".png")]
        for path in [*paths, *CHECKOUT.glob("*.*")]:
            if path.is_file() and path.stat().st_size < 1 << 20:
                kinds = leaks(path.read_text(encoding="utf-8", errors="replace"))
                found |= {path.relative_to(CHECKOUT).as_posix(): kinds} if kinds else {}
        self.assertEqual(found.keys() - MADE_UP.keys(), set(), found)
        self.assertEqual(MADE_UP.keys() - found.keys(), set(), "these have none any more")

    def test_shapes(self) -> None:
        """Each shape is found, and words that only begin like one are none."""
        body = "M" * 64
        for secret in (
            f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END",
            "netd_" + "aB3" * 14 + "x",
            "SU" + "A" * 56,
            "ghp_" + "a1" * 18,
            "AKIA" + "A" * 16,
            "https://hooks.slack.com/services/T0/B0/" + "x" * 24,
            "glpat-" + "x" * 20,
        ):
            self.assertEqual(len(leaks(f"key = {secret} # mine")), 1, secret)
        harmless = "-----BEGIN PRIVATE KEY-----\\nabc netd_event_loop_lag_seconds_of_the_last_minute_here SUMMARY"
        self.assertEqual(leaks(harmless), [])
