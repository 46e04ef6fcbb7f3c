"""The history of all nodes, kept at this one: blocks come out of JetStream, and are acknowledged when they are on the disk.

JetStream gives each block at least once. The recorder writes it once: it notes the number of each block in the transaction in
which it writes its samples.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.cluster.address import CUSTOM, subject_at
from netd.cluster.interfaces import LinkLost, NoAnswer
from netd.cluster.nodes import Nodes
from netd.cluster.shipping import HISTORY, Keepers
from netd.codec.jsontext import decode_object, encode
from netd.errors import NetdError
from netd.interfaces import ISubscription
from netd.log import LogLimiter
from netd.message import NAME

__all__ = ["HistoryCollecting"]

AT_ONCE = 64
"""Blocks that are asked for at a time."""

EXPIRES = 20.0
"""Seconds for which JetStream keeps a question for blocks."""

ACK_WAIT = 5
"""Seconds after which JetStream gives a block again that was not acknowledged."""

EVERY = 1.0
"""Seconds between two looks whether there is something to ask for, or to write again."""

PATIENCE = 5.0

MAX_AGE = 7 * 86400
"""Seconds for which blocks stay in the stream, for a collector that is away."""

MAX_BYTES = 4 << 30
"""Bytes of the stream, at most."""

NANOSECONDS = 10**9

IN_USE = 10058
"""The code of JetStream's answer when there is a stream of that name with other limits, which somebody has set."""


class NoStream(NetdError):
    """JetStream does not make the stream, or gives nothing of it. The message says why, and what to do."""


@frozen
class HistoryBlock:
    """A block that has come.

    :ivar sender: the outbox that it is from.
    :ivar reply: where it is acknowledged.
    """

    node: str
    sender: str
    number: int
    data: bytes
    reply: str


def read_block(subject: str, body: bytes, reply: str) -> HistoryBlock | None:
    """Return the block in a message; None if there is none."""
    node = subject.rpartition(".")[2]
    line, _, data = body.partition(b"\n")
    words = line[:100].decode("ascii", "replace").split()
    if not NAME.fullmatch(node) or len(words) != 2 or not words[1].isdigit() or len(words[1]) > 18:
        return None
    return HistoryBlock(node, f"{node} {words[0]}", int(words[1]), data, reply)


def _named(node: str, subject: str) -> str | None:
    """Return the name that *subject* of *node* has here. Shared subjects are left out: theirs would be taken for this node's."""
    return None if subject.startswith(f"{CUSTOM}.") else subject_at(subject, node)


class HistoryCollecting:
    """Collects. See :class:`netd.cluster.membership.ClusterPart`.

    :param token: a word that no other process has, for the subject at which blocks come.
    :ivar collected: blocks that were acknowledged.
    """

    _log = Logger()

    def __init__(self, nodes: Nodes, link: Any, keepers: Keepers, reactor: Any, token: str) -> None:
        self._nodes = nodes
        self._link = link
        self._keepers = keepers
        self._reactor = reactor
        self._inbox = f"{nodes.root}.blocks.{nodes.name}.{token}"
        cluster = nodes.root.rpartition(".")[2]
        self._stream = f"NETD_{cluster}_HISTORY"
        self._durable = f"netd-{nodes.name}"
        self._limiter = LogLimiter(reactor.seconds)
        self._subscription: ISubscription | None = None
        self._waiting: dict[tuple[str, int], HistoryBlock] = {}  # in the order in which they came
        self._is_writing = False
        self._is_ready = False
        self._asked = 0  # blocks that may still come
        self._asked_until = 0.0
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self.collected = 0
        link.watch(lambda: None, lambda _reason: self._forget())

    def start(self) -> None:
        """Say that this node collects, and begin."""
        self._nodes.note(HISTORY, 1)
        self._subscription = self._link.subscribe(self._inbox, self._received)
        self._looking.start(EVERY)

    def stop(self) -> None:
        """Ask for nothing more. What has come and is not written comes again."""
        self._looking.stop()
        if self._subscription is not None:
            self._subscription.cancel()
        self._forget()

    def _forget(self) -> None:
        self._is_ready, self._asked = False, 0
        self._waiting.clear()

    def _look(self) -> Deferred[None] | None:
        if not self._link.is_up:
            return None
        if not self._keepers():
            if self._limiter.admit("no recorder") is not None:
                self._log.warn("cluster: history = yes needs a section [recorder] on this node; nothing is collected")
            return None
        if not self._is_ready:
            return self._prepare().addErrback(self._failed)
        self._write()
        if not self._waiting and (not self._asked or self._reactor.seconds() >= self._asked_until):
            self._ask()
        return None

    def _prepare(self) -> Deferred[None]:
        """Have the stream, and this node's place in it. Both stay as they are if they are there."""
        stream = {
            "name": self._stream,
            "subjects": [f"{self._nodes.root}.{HISTORY}.*"],
            "retention": "limits",
            "storage": "file",
            "discard": "old",
            "max_age": MAX_AGE * NANOSECONDS,
            "max_bytes": MAX_BYTES,
            "num_replicas": 1,
        }
        consumer = {
            "stream_name": self._stream,
            "config": {
                "durable_name": self._durable,
                "deliver_policy": "all",
                "ack_policy": "explicit",
                "ack_wait": ACK_WAIT * NANOSECONDS,
                "max_ack_pending": 4 * AT_ONCE,
            },
        }

        def place(_: object) -> Deferred[dict[str, Any]]:
            return self._call(f"CONSUMER.DURABLE.CREATE.{self._stream}.{self._durable}", consumer)

        def ready(_: object) -> None:
            self._is_ready = True
            self._ask()

        return self._call(f"STREAM.CREATE.{self._stream}", stream).addCallback(place).addCallback(ready)

    def _call(self, name: str, body: object) -> Deferred[dict[str, Any]]:
        asked: Deferred[bytes] = self._link.request(f"$JS.API.{name}", encode(body), PATIENCE)

        def read(answer: bytes) -> dict[str, Any]:
            found = decode_object(answer)
            error = found.get("error")
            if isinstance(error, dict) and error.get("err_code") != IN_USE:
                raise NoStream(
                    f"JetStream: {error.get('description')}; `netd cluster check --history` says what the server lacks"
                )
            return found

        return asked.addCallback(read)

    def _ask(self) -> None:
        """Ask for blocks, as many as may be held at a time."""
        question = {"batch": AT_ONCE, "expires": int(EXPIRES * NANOSECONDS)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
        if self._link.send(subject, encode(question), self._inbox):
            self._asked, self._asked_until = AT_ONCE, self._reactor.seconds() + EXPIRES + 1

    def _received(self, subject: str, body: bytes, reply: str) -> None:
        if not reply:
            return  # word that the question is over
        self._asked = max(0, self._asked - 1)
        block = read_block(subject, body, reply)
        if block is None:
            self._link.send(reply, b"+TERM")  # it would come again and again
            return
        if block.node == self._nodes.name:  # shipped for another node that collects: this one has it, under its own names
            self._link.send(reply, b"+ACK")
            return
        self._waiting[block.sender, block.number] = block  # one that comes again, while the disk is full, is the same
        self._write()

    def _write(self) -> None:
        """Write what has come from the node whose block came first, unless that goes on already."""
        keepers = self._keepers()
        if self._is_writing or not self._waiting or not keepers:
            return
        first = next(iter(self._waiting.values()))
        blocks = [block for block in self._waiting.values() if block.sender == first.sender]
        self._is_writing = True
        pairs = [(block.number, block.data) for block in blocks]
        written: Deferred[bool] = keepers[0].collect(first.sender, pairs, partial(_named, first.node))
        written.addCallbacks(lambda is_done: self._written(blocks if is_done else []), self._failed_to_write)

    def _written(self, blocks: list[HistoryBlock]) -> None:
        self._is_writing = False
        for block in blocks:
            self._link.send(block.reply, b"+ACK")
        self.collected += len(blocks)
        for block in blocks:
            self._waiting.pop((block.sender, block.number), None)
        if not blocks:
            return  # the disk is full, or away: the next look tries again
        if self._waiting:
            self._write()
        elif not self._asked and self._is_ready:
            self._ask()

    def _failed_to_write(self, failure: Failure) -> None:
        self._is_writing = False
        self._log.failure("cluster: history of another node could not be written", failure=failure)

    def _failed(self, failure: Failure) -> None:
        if failure.check(LinkLost) is not None or self._limiter.admit("collect") is None:
            return
        if failure.check(NetdError) is None:
            self._log.failure("cluster: history is not collected", failure=failure)
        else:
            said = failure.getErrorMessage() if failure.check(NoStream, NoAnswer) else ""
            self._log.warn("cluster: history is not collected: {why}", why=said or "the server has no JetStream for this node")
