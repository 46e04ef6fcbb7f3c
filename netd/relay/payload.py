"""A payload as consoles write it: as text, or as base64 where it is none."""

from __future__ import annotations

import binascii
from base64 import b64decode

from netd.errors import InvalidArguments

__all__ = ["payload_of"]


def payload_of(text: str | None, base64: str | None) -> bytes:
    """Return the bytes that a caller gave in one of two arguments.

    :raises InvalidArguments: when it gave both or none, or what is no base64.
    """
    if (text is None) == (base64 is None):
        raise InvalidArguments("text: give either text or base64")
    if text is not None:
        try:
            return text.encode()
        except UnicodeEncodeError:
            raise InvalidArguments("text: half of a surrogate pair is not valid Unicode") from None
    try:
        return b64decode(base64 or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArguments(f"base64: {error}") from None
