"""Questions to other nodes, and the answers to theirs: the subjects ``node.<name>.ask``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.cluster.interfaces import ILink
from netd.codec.jsontext import decode_object, encode
from netd.errors import Gone, OperationFailed, ProtocolError, text_of
from netd.interfaces import ISubscription

__all__ = ["ALIVE", "MOST_ASKED", "PATIENCE", "Answer", "Questions"]

ALIVE = "alive"
"""What a node is asked for to find out whether it is there. The answer names its epoch, and its version of netd."""

PATIENCE = 2.0
"""Seconds within which a node answers."""

MOST_ASKED = 1 << 16
"""The longest question, in bytes."""

MOST_ANSWERED = 1 << 19
"""The longest answer, in bytes. What is longer is asked for in parts."""

Answer = Callable[[Any], Any]
"""Answers a question. It is given where to go on: what the asking node had last, or None; it may return a Deferred."""


class Questions:
    """Asks the other nodes, and answers them.

    :param root: how the subjects of the cluster begin.
    :param epoch: returns the epoch of this node.
    """

    _log = Logger()

    def __init__(self, link: ILink, root: str, epoch: Callable[[], str]) -> None:
        self._link = link
        self._root = root
        self._epoch = epoch
        self._answers: dict[str, Answer] = {}
        self._subscription: ISubscription | None = None

    def answer(self, what: str, function: Answer) -> None:
        """Answer questions for *what* by *function*."""
        self._answers[what] = function

    def start(self, name: str) -> None:
        """Answer questions to the node *name*."""
        self._subscription = self._link.subscribe(f"{self._root}.node.{name}.ask", self._asked)

    def stop(self) -> None:
        """Answer no more."""
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None

    def ask(
        self, node: str, what: str, after: object = None, epoch: str | None = None, seconds: float = PATIENCE
    ) -> Deferred[Any]:
        """Ask *node* for *what*. Return a Deferred of the answer.

        :param after: where to go on; None for the beginning.
        :param epoch: the answer must come from this process of *node*; None for any.
        It fails as :meth:`ILink.request` does, with :class:`Gone` when another process answers, and with
        :class:`OperationFailed` when the node refuses.
        """
        question = {"what": what} if after is None else {"what": what, "after": after}
        asked = self._link.request(f"{self._root}.node.{node}.ask", encode(question), seconds)
        result: Deferred[Any] = asked.addCallback(_read, node, epoch)
        return result

    def _asked(self, _subject: str, body: bytes, reply: str) -> None:
        if reply:
            maybeDeferred(self._find, body).addCallbacks(self._found, self._refused).addCallback(self._send, reply)

    def _find(self, body: bytes) -> Any:
        if len(body) > MOST_ASKED:
            raise OperationFailed(f"a question has at most {MOST_ASKED} bytes")
        question = decode_object(body)
        what = question.get("what")
        function = self._answers.get(what) if isinstance(what, str) else None
        if function is None:
            raise OperationFailed(f"this node cannot be asked for {what!r:.80}")
        return function(question.get("after"))

    def _found(self, answer: object) -> bytes:
        text = encode({"epoch": self._epoch(), "answer": answer})
        return text if len(text) <= MOST_ANSWERED else self._error(f"an answer has at most {MOST_ANSWERED} bytes")

    def _refused(self, failure: Failure) -> bytes:
        if not failure.check(OperationFailed, ProtocolError):
            self._log.failure("cluster: a question of another node cannot be answered", failure)
        return self._error(text_of(failure.value))

    def _error(self, why: str) -> bytes:
        return encode({"epoch": self._epoch(), "error": why})

    def _send(self, text: bytes, reply: str) -> None:
        self._link.send(reply, text)


def _read(body: bytes, node: str, epoch: str | None) -> Any:
    try:
        answered = decode_object(body)
    except ProtocolError as error:
        raise OperationFailed(f"node {node} gives an answer that cannot be read: {error}") from None
    if epoch is not None and answered.get("epoch") != epoch:
        raise Gone(f"node {node} was started again")
    if "error" in answered:
        raise OperationFailed(f"node {node}: {answered['error']}")
    return answered.get("answer")
