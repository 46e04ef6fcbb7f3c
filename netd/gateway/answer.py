"""The HTTP answers of the gateway: status, headers, body.

Pure. Every answer carries the same headers for safety: a page of the gateway loads nothing from elsewhere, runs no script that
is not a file of it, and shows in no other page's frame.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from http import HTTPStatus

from attrs import frozen

__all__ = ["HTML", "JSON", "NO_STORE", "REVALIDATE", "TEXT", "Answer", "plain"]

TEXT, JSON, HTML = "text/plain; charset=utf-8", "application/json", "text/html; charset=utf-8"

NO_STORE, REVALIDATE = "no-store", "no-cache"
"""Whether caches may keep an answer: not at all; or if they ask each time whether it still holds."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_SAFETY = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@frozen
class Answer:
    """The answer to a request.

    :ivar extra: headers beside those that every answer has.
    :ivar refusal: the client's mistake in a few words that are always the same, for counters and log; empty if there is none.
    :ivar reason: the mistake in one sentence, for the log; empty where the body is that sentence.
    :ivar is_last: whether the connection is closed after it, because the bytes behind cannot be trusted or are not wanted.
    :ivar chunks: yields the pieces of a body that is too long to be made at once; *body* is empty then. It is asked for a piece
        when the client has taken those before, and closed when the client is gone.
    """

    status: HTTPStatus
    body: bytes = b""
    content_type: str = TEXT
    cache: str = NO_STORE
    extra: tuple[tuple[str, str], ...] = ()
    refusal: str = ""
    reason: str = ""
    is_last: bool = False
    chunks: AsyncGenerator[bytes, None] | None = None

    def headers(self) -> Iterator[tuple[str, str]]:
        """Return all headers but those of the connection."""
        if self.status not in _BODILESS:
            yield "Content-Type", self.content_type
            if self.chunks is None:
                yield "Content-Length", str(len(self.body))
        yield "Cache-Control", self.cache
        yield from _SAFETY
        yield from self.extra

    def render(self, date: str, has_body: bool = True) -> bytes:
        """The whole answer, after which the connection is closed, for a client whose request could not be read to its end.

        :param has_body: no, where HEAD was asked.
        """
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            *(f"{name}: {text}" for name, text in (*self.headers(), ("Date", date), ("Connection", "close"))),
            "\r\n",
        ]
        return "\r\n".join(lines).encode("latin-1", "replace") + (self.body if has_body else b"")


def plain(status: HTTPStatus, why: str, *extra: tuple[str, str], refusal: str = "", is_last: bool = False) -> Answer:
    """Return an answer that says *why* in one line, for a person."""
    return Answer(status, f"{why}\n".encode(errors="replace"), extra=extra, refusal=refusal, is_last=is_last)
