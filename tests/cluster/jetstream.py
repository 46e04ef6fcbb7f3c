"""A JetStream that is played: one stream, one consumer, over a server that is played."""

from __future__ import annotations

from typing import Any

from netd.codec.jsontext import decode_object, encode
from tests.cluster.fake import FakeNet

__all__ = ["FakeJetStream"]


class FakeJetStream:
    """Stores what comes to ``netd.lab.history.*``, and gives it to whoever asks, until it is acknowledged.

    :ivar stored: subject and body of each message.
    :ivar error: what the next calls of its interface are answered with; None for what they ask for.
    :ivar is_silent: whether messages are stored without being acknowledged.
    :ivar refused: messages that were given up.
    """

    def __init__(self, net: FakeNet) -> None:
        self.link = net.link("jetstream")
        self._net = net
        self.link.start()
        self.stored: list[tuple[str, bytes]] = []
        self.error: dict[str, Any] | None = None
        self.is_silent = False
        self.refused: list[int] = []
        self.calls: list[str] = []
        self._open: dict[int, tuple[str, bytes]] = {}
        self._clock = net.clock
        self._given: dict[int, float] = {}
        self._asked: tuple[str, int] = ("", 0)
        self.link.subscribe("netd.lab.history.*", self._store)
        self.link.subscribe("$JS.API.>", self._call)
        self.link.subscribe("$JS.ACK.*", self._acknowledge)

    def _store(self, subject: str, body: bytes, reply: str) -> None:
        self.stored.append((subject, body))
        self._open[len(self.stored)] = (subject, body)
        if not self.is_silent:
            answer = {"stream": "NETD_lab_HISTORY", "seq": len(self.stored)} if self.error is None else {"error": self.error}
            self.link.send(reply, encode(answer))
        self._give()

    def _call(self, subject: str, body: bytes, reply: str) -> None:
        verb = subject.removeprefix("$JS.API.").partition(".NETD_lab_HISTORY")[0]
        self.calls.append(verb)
        if verb == "CONSUMER.MSG.NEXT":
            self._asked = (reply, int(decode_object(body)["batch"]))
            self._give()
        else:
            self.link.send(reply, encode({"name": "x"} if self.error is None else {"error": self.error}))

    def _give(self) -> None:
        inbox, count = self._asked
        now = self._clock.seconds()
        for number, (subject, body) in self._open.items():
            if count and self._given.get(number, -60.0) <= now - 5:
                self._given[number] = now
                self._clock.callLater(6, self._give)
                count -= 1
                # A message of a stream keeps its subject, whatever the inbox that it is given to.
                for subscription in [one for link in self._net.links for one in link.subscriptions]:
                    if subscription.pattern == inbox:
                        subscription.receive(subject, body, f"$JS.ACK.{number}")
        self._asked = (inbox, count)

    def _acknowledge(self, subject: str, body: bytes, _reply: str) -> None:
        number = int(subject.rpartition(".")[2])
        if body == b"+TERM":
            self.refused.append(number)
        self._open.pop(number, None)
