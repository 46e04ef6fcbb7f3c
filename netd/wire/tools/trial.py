"""``netd wire test``: a transcript said to a section of an INI; and the same for the draft of ``netd learn``."""

from __future__ import annotations

from attrs import frozen

from netd.wire.consequences import ReplayedWire
from netd.wire.plan import WirePlan
from netd.wire.recording import Recording
from netd.wire.replay import difference_when_cut, replay
from netd.wire.tools.outcome import verdict_told

__all__ = ["WireTrial", "try_section"]


@frozen
class WireTrial:
    """What came of a transcript.

    :ivar faults: what is not as it should be, a sentence each.
    """

    found: ReplayedWire
    faults: tuple[str, ...]


def try_section(plan: WirePlan, recording: Recording) -> WireTrial:
    """Say *recording* to a section that goes by *plan*, whole and cut at each byte."""
    found = replay(plan, recording)
    return WireTrial(found, tuple(verdict_told(found, difference_when_cut(plan, recording, found))))
