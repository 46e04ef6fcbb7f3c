"""A rough sign by which two messages are of one kind: enough to tell news from repetitions while a program is recorded."""

from __future__ import annotations

import re

__all__ = ["shape_of"]

_NUMBER = re.compile(rb"[0-9]+")
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]*")
_LONGEST = 200
"""Bytes of a message that are looked at."""


def shape_of(data: bytes) -> bytes:
    """Return the shape of *data*: numbers are alike, and so are binary messages of one length with the same first byte."""
    head = data[:_LONGEST]
    if b"\0" in head or not _TEXT.fullmatch(head):
        return b"%b:%d" % (head[:1], len(data))
    return _NUMBER.sub(b"0", head)
