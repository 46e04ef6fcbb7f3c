"""``netd learn``, the reasoning: from what a program and its server said to a draft of a ``[wire:NAME]`` section.

Pure: a recording goes in, a text comes out. Each module draws one conclusion: how messages are framed, which kinds there are,
what each answer is made of.
"""

from __future__ import annotations

from netd.wire.learn.drafting import WireDraft, draft

__all__ = ["WireDraft", "draft"]
