"""A message on its way to a device: queued, sent, then exactly one of acknowledged, failed and expired."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from attrs import frozen

from netd.interfaces import Cancellable

__all__ = ["RelayRequest", "RequestInput", "RequestOutcome", "RequestState", "RequestStatus"]


class RequestStatus(enum.Enum):
    """The status of a request, as its sender sees it (relay protocol, section 3.1)."""

    QUEUED = "queued"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    EXPIRED = "expired"


class RequestState(enum.Enum):
    """The state of a request."""

    NEW = "new"
    WAITING = "waiting for the device to come back"
    SENT = "sent"
    DONE = "done"


class RequestInput(enum.Enum):
    """An event in the life of a request."""

    KEPT = "put into the offline queue"
    HANDED = "handed to a device that answers"
    TAKEN = "handed to a device that cannot answer"
    ANSWERED = "answered by the device"
    REFUSED = "refused by the device"
    LOST = "lost with the device's connection, or never accepted"
    EXPIRED = "past its deadline"


FAILURES = (RequestInput.REFUSED, RequestInput.LOST, RequestInput.EXPIRED)
"""After these, the sender wants to know whether the message has reached the device."""


@frozen
class RequestOutcome:
    """A report to the sender of a request.

    :ivar is_final: whether it is the last one.
    :ivar payload: the payload of the device's answer or refusal.
    :ivar error: why the request failed.
    :ivar known: of a request that failed or expired, whether it reached the device's connection: ``no``, ``maybe`` or ``yes``.
    """

    status: RequestStatus
    is_final: bool
    payload: bytes = b""
    error: str = ""
    known: str = ""


class RelayRequest:
    """One message on its way to a device.

    :param id: unique among the requests of one relay.
    :param report: called with each outcome, in order; the last one is final.
    :param settled: counts requests by their last status.
    :ivar sender: the sender, in words, for the device.
    :ivar who: the same for the event of the outcome, which may tell more.
    :ivar deadline: seconds in which the device must answer once it has the message.
    :ivar expires_at: the time, by the monotonic clock, at which the request expires in any state; None if its sender gave no
        deadline.
    :ivar clock: the pending expiry.
    :ivar is_done: the final outcome has been told.
    :ivar release: removes it from the disk, if it is kept there: called when it has been handed over, or is lost.
    :ivar holder: the device's unanswered requests, while it is one of them.
    """

    __slots__ = (
        "_report",
        "_settled",
        "clock",
        "deadline",
        "expires_at",
        "holder",
        "id",
        "is_done",
        "payload",
        "release",
        "sender",
        "state",
        "who",
    )

    def __init__(
        self,
        id: int,
        payload: bytes,
        sender: str,
        deadline: float,
        expires_at: float | None,
        report: Callable[[RequestOutcome], None],
        settled: Counter[str],
        who: str = "",
    ) -> None:
        self.id = id
        self.who = who or sender
        self.payload = payload
        self.sender = sender
        self.deadline = deadline
        self.expires_at = expires_at
        self.state = RequestState.NEW
        self.is_done = False
        self.clock: Cancellable | None = None
        self.holder: dict[int, RelayRequest] | None = None
        self.release: Callable[[], object] | None = None
        self._report = report
        self._settled = settled

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its device to connect, or for the disk that is to keep it until then."""
        return self.state is RequestState.WAITING or (self.state is RequestState.NEW and self.release is not None)

    def time_left(self, now: float) -> float:
        """Return the seconds that the device has left to answer, at *now*."""
        return self.deadline if self.expires_at is None else max(self.expires_at - now, 0.0)

    def step(self, happened: RequestInput, payload: bytes = b"", error: str = "", known: str = "") -> bool:
        """Go to the state that follows *happened*, and report the outcome.

        :param known: whether it reached the device, where another node knows that; see :class:`RequestOutcome`.
        :returns: False when *happened* came too late, and nothing was done.
        """
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is None:
            return False
        if happened in FAILURES and not known:
            known = self._known(happened)
        status, self.state = transition
        self.is_done = self.state is RequestState.DONE
        if self.is_done:
            self._settled[status.value] += 1
            self._let_go(happened)
        if self.release is not None and self.state is not RequestState.WAITING:
            release, self.release = self.release, None
            release()
        self._report(RequestOutcome(status, self.is_done, payload, error, known))
        return True

    def _known(self, happened: RequestInput) -> str:
        if happened is RequestInput.REFUSED or self.state is RequestState.SENT:
            return "yes"
        return "no" if self.holder is None else "maybe"

    def _let_go(self, happened: RequestInput) -> None:
        if self.clock is not None and happened is not RequestInput.EXPIRED:
            self.clock.cancel()
        self.clock = None
        if self.holder is not None:
            self.holder.pop(self.id, None)
            self.holder = None

    TRANSITIONS: ClassVar[dict[tuple[RequestState, RequestInput], tuple[RequestStatus, RequestState]]] = {
        (RequestState.NEW, RequestInput.KEPT): (RequestStatus.QUEUED, RequestState.WAITING),
        (RequestState.NEW, RequestInput.HANDED): (RequestStatus.SENT, RequestState.SENT),
        (RequestState.NEW, RequestInput.TAKEN): (RequestStatus.SENT, RequestState.DONE),
        (RequestState.NEW, RequestInput.ANSWERED): (RequestStatus.ACKNOWLEDGED, RequestState.DONE),
        (RequestState.NEW, RequestInput.REFUSED): (RequestStatus.FAILED, RequestState.DONE),
        (RequestState.NEW, RequestInput.LOST): (RequestStatus.FAILED, RequestState.DONE),
        (RequestState.NEW, RequestInput.EXPIRED): (RequestStatus.EXPIRED, RequestState.DONE),
        (RequestState.WAITING, RequestInput.HANDED): (RequestStatus.SENT, RequestState.SENT),
        (RequestState.WAITING, RequestInput.TAKEN): (RequestStatus.SENT, RequestState.DONE),
        (RequestState.WAITING, RequestInput.ANSWERED): (RequestStatus.ACKNOWLEDGED, RequestState.DONE),
        (RequestState.WAITING, RequestInput.REFUSED): (RequestStatus.FAILED, RequestState.DONE),
        (RequestState.WAITING, RequestInput.LOST): (RequestStatus.FAILED, RequestState.DONE),
        (RequestState.WAITING, RequestInput.EXPIRED): (RequestStatus.EXPIRED, RequestState.DONE),
        (RequestState.SENT, RequestInput.ANSWERED): (RequestStatus.ACKNOWLEDGED, RequestState.DONE),
        (RequestState.SENT, RequestInput.REFUSED): (RequestStatus.FAILED, RequestState.DONE),
        (RequestState.SENT, RequestInput.LOST): (RequestStatus.FAILED, RequestState.DONE),
        (RequestState.SENT, RequestInput.EXPIRED): (RequestStatus.EXPIRED, RequestState.DONE),
    }
    """The status to be reported for each input in each state, and the state that follows. An absent pair comes too late."""
