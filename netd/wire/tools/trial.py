"""``netd wire test``: a transcript said to a section of an INI; and the same for the draft of ``netd learn``."""

from __future__ import annotations

from attrs import evolve, frozen

from netd.wire.consequences import ReplayedWire
from netd.wire.plan import WirePlan
from netd.wire.recording import Recording
from netd.wire.replay import difference_when_cut, replay
from netd.wire.tools.outcome import verdict_told

__all__ = ["WireTrial", "beginning", "try_section"]

MOST_SAID = 2_000_000
"""Bytes of a transcript that are said; as many as a draft is made from."""

MOST_CUT = 100_000
"""Bytes that are said one by one, which takes about ten times as long."""


@frozen
class WireTrial:
    """What came of a transcript.

    :ivar faults: what is not as it should be, a sentence each.
    :ivar is_whole: whether all of it was said.
    """

    found: ReplayedWire
    faults: tuple[str, ...]
    is_whole: bool


def try_section(plan: WirePlan, recording: Recording, most: int = MOST_SAID, most_cut: int = MOST_CUT) -> WireTrial:
    """Say *recording* to a section that goes by *plan*, then its beginning cut at each byte.

    :param most: bytes of a long recording that are said at all.
    """
    said, short = beginning(recording, most), beginning(recording, most_cut)
    found = replay(plan, said)
    whole = found if short is recording else replay(plan, short)
    faults = tuple(verdict_told(found, difference_when_cut(plan, short, whole)))
    return WireTrial(found, faults, is_whole=said is recording)


def beginning(recording: Recording, most: int) -> Recording:
    """The events of *recording* up to *most* bytes; *recording* itself if it has no more."""
    left = most
    for index, event in enumerate(recording.events):
        left -= len(event.data)
        if left < 0:
            return evolve(recording, events=recording.events[:index])
    return recording
