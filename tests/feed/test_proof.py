"""Tests of proofs at a feed: in the handshake, and in the subscription."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.client.websocket import CLOSE
from netd.connection.protocol import PROOF_TIMEOUT
from netd.feed.config import Config
from netd.feed.grammar import SUBPROTOCOL, BadToken, bearer_token
from netd.principal import PROVE_FIRST, Kind, Role
from netd.testing import Connection, connect
from tests.credentials import Credentials, TokenAccess
from tests.feed.bench import frames, open_feed, request, say
from tests.feed.test_service import KIND, wired


class ProofTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.service, self.factory, self.reactor, self.bus = wired(KIND, Config(locales=("en_US",), seed=7, ping_interval=3600.0))
        self.credentials = Credentials()
        self.token = self.credentials.add("display", Kind.FEED)
        self.service.use_access(TokenAccess(self.credentials))
        self.addCleanup(self.end)

    def end(self) -> None:
        """Everything ends."""
        for connection in list(self.factory.connections):
            connection.connectionLost(Failure(ConnectionDone()))
        self.service.stopService()
        self.reactor.advance(0)

    def shake(self, *headers: str, subprotocol: str | None = None) -> tuple[Connection, bytes]:
        """A client, and the answer to its handshake."""
        client = connect(self.factory, self.reactor, host="192.168.1.9")
        return client, client.say(request(subprotocol, *headers))

    def said(self, client: Connection, text: str | dict[str, Any]) -> list[Any]:
        """The messages in answer to one; a close frame is None."""
        return [None if opcode == CLOSE else json.loads(payload) for opcode, payload in frames(client.say(say(text)))]

    def test_header(self) -> None:
        """Any library of WebSockets can show the token, for either dialect."""
        for subprotocol in (None, SUBPROTOCOL):
            _, answer = self.shake(f"Authorization: Bearer {self.token}", subprotocol=subprotocol)
            self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)
        self.assertEqual([(Kind.FEED, Kind.USER)] * 2, self.credentials.shown)

    def test_refused(self) -> None:
        """A client of the first dialect without a token, and a wrong one, are refused by HTTP, with the reason."""
        for headers, why in (((), PROVE_FIRST), (("Authorization: Bearer netd_no",), "unknown token")):
            for subprotocol in (None, SUBPROTOCOL) if headers else (None,):
                _, answer = self.shake(*headers, subprotocol=subprotocol)
                self.assertTrue(answer.startswith(b"HTTP/1.1 403 Forbidden"), answer)
                self.assertIn(why.encode(), answer)

    def test_header_of_another_kind(self) -> None:
        """What is no bearer token is refused, and no other way to log in is looked for."""
        self.assertEqual((None, "netd_a", "netd_a"), tuple(map(bearer_token, (None, "Bearer netd_a", "bearer  netd_a "))))
        for wrong in ("", "Bearer", "Basic YTpi", "netd_a"):
            self.assertRaises(BadToken, bearer_token, wrong)

    def test_subscription(self) -> None:
        """A page cannot send that header: it shows the token when it subscribes."""
        client, _ = self.shake(subprotocol=SUBPROTOCOL)
        [answer] = self.said(client, {"subscribe": {"types": ["city"], "token": self.token}})
        self.assertEqual(["city"], answer["subscribed"]["types"])
        self.reactor.advance(PROOF_TIMEOUT + 1)
        self.assertTrue(client.transport.connected)

    def test_subscription_refused(self) -> None:
        """Without a token, with a wrong one, or with anything else first: the client reads why, and is closed."""
        for first, why in (
            ({"subscribe": {}}, PROVE_FIRST),
            ({"subscribe": {"token": "netd_no"}}, "unknown token"),
            ({"remark": "hello"}, PROVE_FIRST),
        ):
            client, _ = self.shake(subprotocol=SUBPROTOCOL)
            answer, end = self.said(client, first)
            self.assertEqual(({"error": why, "denied": True}, None), (answer, end))

    def test_no_text(self) -> None:
        """A token that is no text is a mistake, which can be mended."""
        client, _ = self.shake(subprotocol=SUBPROTOCOL)
        [answer] = self.said(client, {"subscribe": {"token": 5}})
        self.assertIn("`token` is a text", answer["error"])
        self.assertNotIn("denied", answer)

    def test_silent(self) -> None:
        """A client that shows none in time is closed."""
        client, _ = self.shake(subprotocol=SUBPROTOCOL)
        self.reactor.advance(PROOF_TIMEOUT + 1)
        self.assertIn(b"no token came within", client.heard())

    def test_viewer(self) -> None:
        """A user's token does as well; that of a device does not."""
        for kind, role, status in ((Kind.USER, Role.VIEWER, b"101"), (Kind.DEVICE, Role.NOBODY, b"403")):
            token = self.credentials.add(kind.value, kind, role)
            _, answer = self.shake(f"Authorization: Bearer {token}")
            self.assertIn(status, answer.partition(b"\r\n")[0])


class OpenTests(SynchronousTestCase):
    def test_loopback(self) -> None:
        """A feed that admits everybody asks for nothing."""
        service, factory, reactor, _ = wired(KIND, Config(locales=("en_US",), seed=7))
        client = connect(factory, reactor)
        self.assertEqual(b"", open_feed(client))
        client.lose()
        service.stopService()
