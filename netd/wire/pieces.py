"""Text with fields: what patterns, templates and the lists of fields of JSON and structs are written in."""

from __future__ import annotations

import re

from attrs import frozen

from netd.wire.escapes import unescape

__all__ = ["InBraces", "WrittenPiece", "split_pieces"]

_PIECES = re.compile(r"(?:[^\\{}]|\\.)++|\{((?:[^\\{}]|\\.)*+)\}|[{}\\]", re.DOTALL)


@frozen
class InBraces:
    """What stands between two braces, as it is written."""

    text: str


WrittenPiece = str | InBraces
"""A text with its escapes, or what stands in braces."""


def split_pieces(text: str) -> list[WrittenPiece]:
    r"""Return the texts and fields of *text* in their order.

    :raises ValueError: for a brace without its partner, and an escape that there is not.
    """
    found: list[WrittenPiece] = []
    for piece in _PIECES.finditer(text):
        if piece[1] is not None:
            found.append(InBraces(piece[1]))
        elif piece[0] == "{":
            raise ValueError("a { has no }; write \\{ for a brace of the message")
        elif piece[0] == "}":
            raise ValueError("a } has no {; write \\} for a brace of the message")
        else:
            unescape(piece[0])
            found.append(piece[0])
    return found
