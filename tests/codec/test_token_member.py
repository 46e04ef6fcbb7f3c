"""Tests of :mod:`netd.codec.token_member`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.token_member import BadToken, token_in


class TokenTests(SynchronousTestCase):
    def test_token(self) -> None:
        """A text is a token, whatever it says: only the file of credentials knows better. Null is as good as nothing."""
        for said, token in (({}, None), ({"token": None}, None), ({"token": "netd_a"}, "netd_a"), ({"token": "ü\0"}, "ü\0")):
            self.assertEqual(token_in(said), token)

    def test_no_token(self) -> None:
        """What is no text, empty or endless is refused, and not quoted."""
        wrong: list[Any] = [1, True, ["netd_a"], {"a": "netd_a"}, "", "netd_" + "a" * 300]
        for token in wrong:
            self.assertNotIn("netd_a", str(self.assertRaises(BadToken, token_in, {"token": token})))
