"""The answer "you may not": what was asked, what it takes, who asks, and the command that gives it. Pure.

Programs get it as JSON, browsers as a page. An operation that is refused carries the same facts in its JSON-RPC error, and the
dashboard shows them in the same words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus

from netd.gateway.answer import HTML, JSON, Answer
from netd.gateway.head import Head

__all__ = ["BAD_TOKEN", "NO_TOKEN", "denied"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>You may not: netd</title>
<link rel="icon" href="{base}static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{base}static/api.css">
</head>
<body>
<main class="denied">
<h1>You may not</h1>
<p>{why}</p>
<dl>
{facts}
</dl>
<p><a href="{base}">To the dashboard</a></p>
</main>
</body>
</html>
"""

_NOUNS = (("asked", "Asked"), ("takes", "It takes"), ("you", "You are"), ("remedy", "Where netd runs"))
"""The members, and the words for them on the page. The last one is a command."""

NO_TOKEN, BAD_TOKEN = 'Bearer realm="netd"', 'Bearer realm="netd", error="invalid_token"'
"""The header that asks for a token: for the first time, or because the one that came is none."""


def denied(
    head: Head,
    why: str,
    facts: Mapping[str, str],
    challenge: str | None = NO_TOKEN,
    refusal: str = "",
    is_last: bool = False,
) -> Answer:
    """Return the answer to a request whose sender may not have what it asks.

    :param why: the reason in one sentence.
    :param facts: see :class:`netd.errors.NotPermitted`; ``asked`` is filled in.
    :param challenge: see :data:`NO_TOKEN`; None if the sender is known, and another token would not be the same sender.
    """
    told = {"error": why, **facts, "asked": f"{head.method} {head.path}"}
    status = HTTPStatus.FORBIDDEN if challenge is None else HTTPStatus.UNAUTHORIZED
    extra = () if challenge is None else (("WWW-Authenticate", challenge),)
    text, kind = (_page(head, told), HTML) if head.wants_page else (f"{json.dumps(told)}\n", JSON)
    return Answer(
        status,
        text.encode(errors="replace"),
        kind,
        extra=(*extra, ("Vary", "Accept")),
        refusal=refusal,
        reason=why,
        is_last=is_last,
    )


def _page(head: Head, told: Mapping[str, str]) -> str:
    rows = "\n".join(_row(noun, told[name], name == "remedy") for name, noun in _NOUNS if told.get(name))
    base = "../" * (head.path.count("/") - 1) or "./"
    return _PAGE.format(base=base, why=_sentence(told["error"]), facts=rows)


def _sentence(why: str) -> str:
    """Return *why* as a sentence of a page, in which what stands in backticks is code."""
    parts = [escape(part) for part in f"{why[:1].upper()}{why[1:]}.".split("`")]
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _row(noun: str, text: str, is_command: bool) -> str:
    said = f"<code>{escape(text)}</code>" if is_command else escape(text)
    return f"<div><dt>{noun}</dt><dd>{said}</dd></div>"
