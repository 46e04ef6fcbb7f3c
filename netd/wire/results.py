"""What the operations of a wire return."""

from __future__ import annotations

from attrs import field, frozen

from netd.codec.units import Address, Epoch, Measured, Prose, Seconds
from netd.status import DialStatus, ServiceStatus

__all__ = ["WireAnswer", "WireMisfit", "WirePeer", "WirePeers", "WireQuestion", "WireRule", "WireServiceStatus", "WireValue"]


@frozen(slots=False)
class WireValue:
    """The newest value of a channel.

    :ivar samples: how many there were.
    """

    value: Measured
    unit: str
    label: str
    time: Epoch
    samples: int


@frozen(slots=False)
class WirePeer:
    """A peer, connected or away.

    :ivar messages: the messages of its connections that are open.
    :ivar reason: why it is away; empty while it is there.
    :ivar values: the newest value of each channel.
    """

    name: str
    address: Address
    online: bool
    since: Epoch | None
    last_seen: Epoch | None
    messages: int
    reason: Prose
    values: dict[str, WireValue]


@frozen(slots=False)
class WirePeers:
    """A page of the peers.

    :ivar counts: number of peers that contain the text, by state: `online`, `away`, or `spoken for` while another peer says
        its name.
    :ivar matching: number of those in the wanted state, on all pages.
    :ivar after: end of this page, from which the next one goes on; None on the last page.
    """

    rows: list[WirePeer]
    counts: dict[str, int]
    matching: int
    after: str | None


@frozen(slots=False)
class WireRule:
    """A rule.

    :ivar taken: how many messages it has taken since the start, or since it was changed.
    """

    rule: str
    taken: int


@frozen(slots=False)
class WireQuestion:
    """A question of ``ask``, and what became of it on all connections since the start, or since it was changed.

    :ivar period: time between two of them; 0 asks once.
    :ivar unfit: answers that its rule does not take.
    :ivar unanswered: how many were given up.
    :ivar seconds: how long the newest answer took, and *slowest* the slowest one; None before the first.
    """

    question: str
    rule: str
    period: Seconds
    answered: int
    unfit: int
    unanswered: int
    seconds: Seconds | None
    slowest: Seconds | None


@frozen(slots=False)
class WireMisfit:
    """Something that did not fit: a message that no rule takes, or a question without an answer.

    :ivar kind: as the counters of the status have it, ``unmatched``.
    :ivar name: of the peer; empty before it is known.
    :ivar text: the beginning of the message, if it is about one.
    """

    time: Epoch
    kind: str
    name: str
    address: Address
    why: Prose
    text: str


@frozen(slots=False)
class WireAnswer:
    """What became of a question, or of a text that was sent.

    :ivar answer: what the peer said; empty where nothing acknowledges what is sent.
    """

    name: str
    answer: str


@frozen(slots=False, kw_only=True)
class WireServiceStatus(ServiceStatus):
    """The status of a wire.

    :ivar peers: how many peers are there now.
    :ivar channels: how many channels are known.
    """

    dialling: list[DialStatus] = field(factory=list)
    peers: int
    channels: int
