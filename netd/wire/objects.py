"""JSON objects with nothing between them, cut anywhere. Brackets are counted; whether each object is JSON is for the rules."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen

from netd.wire.frame import Frame, FrameDecoder
from netd.wire.strangers import MARK

__all__ = ["ObjectFrame"]

_OPENING = re.compile(rb"[{\[]")
_MARK = re.compile(rb'["{}\[\]]')
_STRING = re.compile(rb'(?:[^"\\]|\\.)*+', re.DOTALL)
_SEPARATORS = b" \t\r\n\0,;"
_QUOTE = ord('"')


@frozen
class ObjectFrame(Frame):
    """``json``: objects and arrays. What stands between them is skipped."""

    is_text: ClassVar[bool] = True

    @property
    def cuts(self) -> Sequence[bytes]:
        """See :attr:`Frame.cuts`. What ends a string of JSON, or opens or closes an object."""
        return (b'"', b"\\", b"{", b"}")

    @property
    def cuts_in_json(self) -> Sequence[bytes]:
        """See :attr:`Frame.cuts_in_json`. Brackets within a string are text."""
        return ()

    def as_one(self, payload: bytes) -> bytes | None:
        """See :meth:`Frame.as_one`. An object is one as a whole, with the brackets and quotes in it."""
        try:
            json.loads(payload)
        except (ValueError, RecursionError):
            return super().as_one(payload)
        return payload

    def decoder(self, limit: int) -> FrameDecoder:
        """See :meth:`Frame.decoder`."""
        return ObjectDecoder(self, limit)


class ObjectDecoder(FrameDecoder):
    """The decoder of an :class:`ObjectFrame`. It remembers where its scan stood, so that each byte is looked at once."""

    __slots__ = ("_depth", "_is_string", "_kept", "_scanned")

    def __init__(self, frame: ObjectFrame, limit: int) -> None:
        super().__init__(frame, limit)
        self._kept: bytes | bytearray = b""  # begins with a bracket, if anything is kept
        self._scanned = 0
        self._depth = 0
        self._is_string = False

    @property
    def held(self) -> int:
        """See :attr:`FrameDecoder.held`."""
        return len(self._kept)

    def _cut(self, received: bytes, found: list[bytes]) -> None:
        text: bytes | bytearray = received
        if self._kept:
            assert isinstance(self._kept, bytearray), "what is kept is a copy"
            self._kept += received
            text = self._kept
        start = 0
        while True:
            if self._depth == 0:
                start = self._skip(text, start)
            if not self._scan(text):
                break
            whole = bytes(text[start : self._scanned])
            start = self._scanned
            if len(whole) > self.limit:
                raise self._too_long(whole, is_whole=True)
            found.append(whole)
        self._keep(text, start)
        if len(self._kept) > self.limit:
            raise self._too_long(self._kept, is_whole=False)

    def _skip(self, text: bytes | bytearray, start: int) -> int:
        """Return the index of the next object. The scan goes on there."""
        opening = _OPENING.search(text, start)
        place = len(text) if opening is None else opening.start()
        self.lost += len(text[start:place].strip(_SEPARATORS))
        self._scanned = place
        return place

    def _scan(self, text: bytes | bytearray) -> bool:
        """Go on to the end of the object. Return False if it has not come."""
        at, size = self._scanned, len(text)
        while at < size:
            if self._is_string:
                found = _STRING.match(text, at)
                at = size if found is None else found.end()
                if at == size or text[at] != _QUOTE:  # at the end there may be a backslash, whose second half is to come
                    break
                self._is_string = False
                at += 1
                continue
            mark = _MARK.search(text, at)
            if mark is None:
                at = size
                break
            at = mark.end()
            if mark[0] == b'"':
                self._is_string = True
            elif mark[0] in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    self._scanned = at
                    return True
        self._scanned = at
        return False

    def _keep(self, text: bytes | bytearray, start: int) -> None:
        if isinstance(text, bytearray):
            del text[:start]
        else:
            self._kept = bytearray(text[start:]) if start < len(text) else b""
        self._scanned -= start

    def _end(self) -> list[bytes]:
        rest, self._kept = bytes(self._kept), b""
        self._scanned, self._depth, self._is_string = 0, 0, False
        return [rest] if rest else []

    def _begun(self) -> bytes:
        return bytes(self._kept[:MARK])
