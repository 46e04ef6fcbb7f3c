"""The files that the gateway serves: read once, at start, and known by their paths. What is not among them is not there.

No path of a request ever becomes a path of a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from attrs import evolve, frozen

from netd.gateway.answer import HTML, JSON, REVALIDATE, TEXT, Answer
from netd.gateway.head import Head

__all__ = ["FOLDER", "PAGES", "File", "read_files"]

FOLDER = Path(__file__).parent / "static"
"""The dashboard."""

PAGES = Path(__file__).parent / "pages"
"""What the gateway's own pages need."""

_FOR_OTHER_PAGES = (("Access-Control-Allow-Origin", "*"),)
"""A module is given to pages of other origins only with this; which of them get an answer at all is the guard's to say."""

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
"""Content types by suffix; a file of any other is a text."""


@frozen
class File:
    """One file.

    :ivar tag: names this content of it.
    :ivar extra: headers beside those that every file has.
    """

    content: bytes
    content_type: str
    tag: str
    extra: tuple[tuple[str, str], ...] = ()

    def answer(self, head: Head) -> Answer:
        """The file, or that the client has it already."""
        extra = (("ETag", self.tag), *self.extra)
        if head.has_tag(self.tag):
            return Answer(HTTPStatus.NOT_MODIFIED, cache=REVALIDATE, extra=extra)
        return Answer(HTTPStatus.OK, self.content, self.content_type, REVALIDATE, extra)


def read_files(*folders: Path) -> dict[str, File]:
    """The files of all *folders*, by the path of a request: ``/static/…``, and ``/`` and ``/netd.js`` for two of them."""
    files = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[f"/static/{path.relative_to(folder).as_posix()}"] = _read(path)
    for short, full in (("/", "/static/index.html"), ("/netd.js", "/static/netd.js")):
        if full in files:
            files[short] = files[full]
    if "/netd.js" in files:
        files["/netd.js"] = evolve(files["/netd.js"], extra=_FOR_OTHER_PAGES)
    return files


def _read(path: Path) -> File:
    content = path.read_bytes()
    return File(content, _TYPES.get(path.suffix, TEXT), f'"{hashlib.sha256(content).hexdigest()[:32]}"')
