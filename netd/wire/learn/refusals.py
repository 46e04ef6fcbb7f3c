"""What no section can serve: programs that send code, speak a known protocol, or send files. Each has a sentence that helps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netd.wire.learn.conversation import Conversation
from netd.wire.recording import Transport

__all__ = ["refusal"]

_JSON_LINE = 'json.dumps(…) + "\\n"'
_HTTP = re.compile(rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH) [^ \r\n]+ HTTP/1\.[01]\r?\n")
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_TLS = re.compile(rb"\x16\x03[\x00-\x04]")
_SIZE = re.compile(rb"(?<![0-9.])[0-9]{3,12}(?![0-9.])")
_FILE_NAME = re.compile(rb"[A-Za-z_-][\w-]*\.[A-Za-z]\w{1,4}(?!\w)")
_SMALLEST_FILE = 512
"""Bytes of a file's content. A shorter message may well announce its own length."""


def refusal(conversation: Conversation) -> str | None:
    """Return why no section can serve this program and what to do instead; None if nothing is known against one."""
    if conversation.is_dialled and conversation.transport is Transport.UDP:
        return "netd never asks by UDP, it waits for datagrams; let the device send to netd's port of its own accord"
    runs = [run for run in conversation.runs() if run]
    heads = [run[:16] for run in runs]
    if any(_HTTP.match(run) for run in runs):
        return "this program speaks HTTP; let it POST to netd's gateway (docs/protocols/gateway.md), which needs no [wire:…]"
    if any(_TLS.match(head) for head in heads):
        return (
            "this program speaks TLS, and what it says cannot be read from outside; learn from it with TLS switched off, "
            "and write tls = yes into the section then"
        )
    if any(b"\xac\xed\x00\x05" in head for head in heads):
        return "this program sends serialised Java objects, which netd never reads; let it send lines of JSON"
    if _are_pickles(runs):
        return f"this program sends pickles; netd never unpickles: let it send {_JSON_LINE}"
    if _is_file(conversation):
        return "this program sends files, which are no messages; a folder that both sides can reach (rsync, scp) serves better"
    return None


def _are_pickles(runs: Sequence[bytes]) -> bool:
    """Whether a pickle begins a message, perhaps behind a header with its length, and its end mark ends one."""
    return any(_PICKLE.search(run[:80]) and run.rstrip(b"\r\n").endswith(b".") and not _is_utf8(run) for run in runs)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_file(conversation: Conversation) -> bool:
    """Whether a size was announced and as many bytes followed, of which nothing looks like a message."""
    for talk in conversation.talks:
        said = talk.bytes_of(is_said=True)
        for found in _SIZE.finditer(said[:512]):
            size, left = int(found[0]), len(said) - found.end()
            if size >= _SMALLEST_FILE and size <= left <= size + 128 and _FILE_NAME.search(said[: found.start() + 128]):
                return True
    return False
