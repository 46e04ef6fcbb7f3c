r"""What programs send that netd never reads: pickles, Java objects, and requests that have mistaken the port.

A pickle is a program: to read one is to run it. So it is recognised by its first bytes, and the log says what to send instead.
Pickles of protocol 0 and 1 begin as any text does, and are not recognised.
"""

from __future__ import annotations

import re

from netd.connection.stranger import Tongue, tongue_of

__all__ = ["MARK", "SUSPECTS", "recognised", "stray"]

MARK = 16
"""The number of first bytes that tell all there is to tell about an unfinished message."""

SUSPECTS = (b"\x80", b"\xac")
"""Bytes without one of which nothing can be recognised."""

_PICKLES = 'this program sends pickles; netd never unpickles: let it send json.dumps(…) + "\\n"'
_JAVA = 'this program sends Java objects (ObjectOutputStream); netd never reads these: let it print text, such as JSON and "\\n"'

_JAVA_MAGIC = b"\xac\xed\x00\x05"
_PROTOCOL = re.compile(rb"\x80[\x02-\x05]")
_SURE = re.compile(
    rb"\x80(?:[\x04\x05](?:\x95.{3}\0{5}|[BX].{3}\0)|[\x02\x03](?:[\]}]q\0|c[A-Za-z_][\w.]*+\n|X.{2}\0\0))",
    re.DOTALL,
)
"""How the pickles of most values begin: with the length of a frame or of a long text, an empty list or dictionary, or a class."""

_METHOD = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) ")
_WORD = re.compile(rb"[\t\n\r -~]++")


def recognised(message: bytes, is_text: bool = False, is_whole: bool = True) -> str | None:
    """Return the sentence for the log if *message* is a pickle or a Java object; else None.

    :param is_text: whether text is expected, which never begins with the two bytes that name a pickle's protocol. Other messages
        may: they are pickles if they also end as one, or begin as most do.
    :param is_whole: whether the end of *message* is that of what its sender calls a message.
    """
    if message.startswith(_JAVA_MAGIC):
        return _JAVA
    if _PROTOCOL.match(message) and (is_text or (is_whole and message.endswith(b".")) or _SURE.match(message)):
        return _PICKLES
    return None


def stray(opening: bytes) -> str:
    """Say what *opening*, where a header or another message was expected, looks like: the end of a sentence, or nothing."""
    tongue = tongue_of(opening[:MARK])
    if tongue is Tongue.TLS:
        return " (that is a TLS hello: is this client to speak TLS here?)"
    method = _METHOD.match(opening)
    if method is not None or tongue is Tongue.HTTP:
        return f" (that is {_quoted(method[0] if method else opening)}: a browser or scanner?)"
    return ""


def text_in(header: bytes) -> str:
    """Quote *header*, a binary number, if all of it is text: the end of a sentence, or nothing."""
    return f" (that is the text {_quoted(header)}: another frame?)" if _WORD.fullmatch(header) else ""


def _quoted(text: bytes) -> str:
    shown = text[:MARK].decode("ascii", "replace")
    return f'"{shown}"' if shown.isprintable() else repr(shown)
