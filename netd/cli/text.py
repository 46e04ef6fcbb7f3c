"""Names, times and bytes from peers, made fit for a terminal.  Pure.

A device chooses its own name and sends any bytes. None of them may move the cursor, change colours or forge a line.
"""

from __future__ import annotations

import re

from netd.plaintext import duration, is_shown

__all__ = ["ago", "as_commands", "escaped", "online_since", "payload_text"]

_OPERATION = re.compile(r"`([a-z][a-z0-9_-]*)\.([a-z0-9_.-]+)((?: [0-9]+)?)`")


def escaped(text: str, keep: str = "") -> str:
    r"""*text* with each control or invisible character as ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``, except those in *keep*."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in keep or is_shown(one) else _escape(one) for one in text)


def _escape(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named is not None:
        return named
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def payload_text(payload: bytes) -> str:
    r"""*payload* for people: UTF-8 with its line ends and tabs; other bytes become ``\xNN``."""
    return escaped(payload.decode("utf-8", "backslashreplace"), keep="\n\t")


def as_commands(text: str, node: str | None = None) -> str:
    """*text* with operations in backticks replaced by commands: ``netd devices`` for ``relay.devices``.

    :param node: the other node that has said it, and that the commands are for.
    """
    own = {
        "cluster.devices": "devices",
        "cluster.nodes": "nodes",
        "relay.devices": "devices",
        "relay.send": "send",
        "system.operations": "operations",
        "system.status": "status",
    }
    there = "" if node is None else f" --on {node}"

    def command(named: re.Match[str]) -> str:
        service, verb, number = named.groups()
        return f"`netd {own.get(f'{service}.{verb}', f'{service} {verb}')}{number}{there}`"

    return _OPERATION.sub(command, text)


def ago(moment: float, now: float) -> str:
    """The time from *moment* to *now*, both in seconds since 1970: ``3 s ago``. A moment in the future is ``0 s ago``."""
    return f"{duration(now - moment)} ago"


def online_since(is_online: object, last_seen: object, now: float) -> tuple[str, str]:
    """The presence of a device or client in words, and the style for it."""
    if is_online is None:
        return "not told", "dim"  # a legacy server lists addresses only, those of dead devices included
    if is_online:
        return "online", "green"
    return f"away, last seen {ago(last_seen, now)}" if isinstance(last_seen, (int, float)) else "away", "dim"
