"""The framing of one connection: its messages are cut out of the bytes, and what is wrong with them is noted. Pure."""

from __future__ import annotations

from netd.wire.blocks import BlockReader, TakenRead
from netd.wire.frame import ShiftWatch
from netd.wire.outlet import IWireOutlet, WireNote
from netd.wire.plan import WirePlan

__all__ = ["WireDeframer"]


class WireDeframer:
    """Cuts messages out of what comes on one connection.

    :ivar shift: notices that all messages fail.
    :ivar due: when silence ends the unfinished message, as some frames have it; None: never.
    """

    __slots__ = ("_decoder", "_failed", "_outlet", "_silence", "due", "shift")

    def __init__(self, plan: WirePlan, outlet: IWireOutlet) -> None:
        self._outlet = outlet
        self.due: float | None = None
        self.follow(plan)

    def follow(self, plan: WirePlan) -> None:
        """Begin anew, with the frame of *plan*."""
        self._decoder = plan.frame.decoder(plan.max_message)
        self._silence = plan.frame.silence
        self._failed = 0
        self.shift = ShiftWatch(plan.frame)

    @property
    def held(self) -> int:
        """The number of bytes of the unfinished message."""
        return self._decoder.held

    def heard(self, now: float) -> None:
        """Bytes have come: silence begins anew."""
        if self._silence is not None:
            self.due = now + self._silence

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that end within *data*.

        :raises FramingFailed: if what follows them cannot be read.
        """
        try:
            return self._decoder.feed(data)
        finally:
            self._note_checks(data)

    def feed_block(self, blocks: BlockReader, data: bytes) -> TakenRead:
        """Return many samples at once, as far as *data* begins with them.

        :raises FramingFailed: if what follows cannot be read.
        """
        return blocks.feed(self._decoder, data)

    def end(self, data: bytes = b"") -> list[bytes]:
        """Return the message that ends with the input, a pause, or the datagram *data*, if there is one.

        :raises FramingFailed: if it is none.
        """
        self.due = None
        try:
            return self._decoder.end()
        finally:
            self._note_checks(data)

    def note_misfits(self, count: int) -> None:
        """Count messages that are not as expected, and note that the frame seems to have shifted."""
        for why in filter(None, (self.shift.failed() for _ in range(count))):
            self._outlet.note(WireNote.SHIFTED, why, b"")

    def _note_checks(self, data: bytes) -> None:
        failed = self._decoder.failed
        if failed != self._failed:
            self._outlet.note(WireNote.CHECK, "the sum within it is wrong (`check`)", data)
            self.note_misfits(failed - self._failed)
            self._failed = failed
