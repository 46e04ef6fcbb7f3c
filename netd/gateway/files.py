"""The files that the gateway serves: read and compressed once, at start, and known by their paths. Other files are not served.

No path of a request ever becomes a path of a file.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from attrs import evolve, frozen

from netd.gateway.answer import HTML, JSON, REVALIDATE, TEXT, Answer
from netd.gateway.head import Head

__all__ = ["FOLDER", "PAGES", "File", "make_file", "read_files"]

FOLDER = Path(__file__).parent / "static"
"""The dashboard."""

PAGES = Path(__file__).parent / "pages"
"""The files of the gateway's other pages, such as ``/api``."""

_FOR_OTHER_PAGES = (("Access-Control-Allow-Origin", "*"),)
"""Without this header, browsers give no module to pages of other origins. The guard decides which origins get an answer."""

_VARIES = ("Vary", "Accept-Encoding")
"""Tells caches that clients with different ``Accept-Encoding`` get different bytes. Files that are not compressed have it, too:
the header of a path should not come and go with the length of the file."""

_AS_IT_IS: tuple[tuple[str, str], ...] = ()
_PACKED = (("Content-Encoding", "gzip"),)

_LEAST_SAVING = 64
"""Bytes that compression must save. The additional header uses up a smaller saving."""

_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": HTML,
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": JSON,
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Content types by suffix. A file with another suffix is served as text."""


@frozen
class File:
    """One file.

    :ivar packed: the content compressed by gzip; None if that is hardly shorter.
    :ivar tag: the entity tag of this content, with its quotes.
    :ivar extra: headers beside those that every file has.
    """

    content: bytes
    packed: bytes | None
    content_type: str
    tag: str
    extra: tuple[tuple[str, str], ...] = ()

    def answer(self, head: Head) -> Answer:
        """Return the file, compressed if the client accepts that; or 304 if the client has it already.

        The two forms have different tags: one tag names one sequence of bytes (RFC 9110, section 8.8.3.3).
        """
        body, tag, coding = self.content, self.tag, _AS_IT_IS
        if self.packed is not None and head.takes_gzip:
            body, tag, coding = self.packed, _packed_tag(self.tag), _PACKED
        extra = (("ETag", tag), _VARIES, *self.extra)
        if head.has_tag(tag):
            return Answer(HTTPStatus.NOT_MODIFIED, cache=REVALIDATE, extra=extra)
        return Answer(HTTPStatus.OK, body, self.content_type, REVALIDATE, (*extra, *coding))


def _packed_tag(tag: str) -> str:
    return f'{tag[:-1]}-gzip"'


def read_files(*folders: Path) -> dict[str, File]:
    """Return the files of all *folders*, by the path of a request: ``/static/…``, and ``netd.js`` also at ``/netd.js``.

    The dashboard's page is at ``/`` only: the URLs in it are relative to that path.
    """
    files = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[f"/static/{path.relative_to(folder).as_posix()}"] = _read(path)
    if "/static/index.html" in files:
        files["/"] = files.pop("/static/index.html")
    if "/static/netd.js" in files:
        files["/netd.js"] = evolve(files["/static/netd.js"], extra=_FOR_OTHER_PAGES)
    return files


def make_file(content: bytes, content_type: str) -> File:
    """Return a file with *content*, compressed and tagged."""
    packed = gzip.compress(content, mtime=0)
    is_worth_it = len(packed) <= len(content) - _LEAST_SAVING
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return File(content, packed if is_worth_it else None, content_type, tag)


def _read(path: Path) -> File:
    return make_file(path.read_bytes(), _TYPES.get(path.suffix, TEXT))
