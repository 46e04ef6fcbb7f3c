"""Tests of ``netd.gateway.files``: what is served of the disk."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.answer import Answer
from netd.gateway.files import FOLDER, PAGES, File, read_files
from netd.gateway.head import Head


def _ask(file: File, headers: dict[str, str] | None = None) -> Answer:
    return file.answer(Head("GET", "/", "HTTP/1.1", headers or {}))


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        (self.folder / "app").mkdir(parents=True)

    def test_paths(self) -> None:
        """Files are found by their place in the folder; two have a short address as well."""
        for name in ("index.html", "netd.js", "app/main.js", "LICENSE"):
            (self.folder / name).write_text(name)
        files = read_files(self.folder)
        expected = {"/", "/netd.js", "/static/index.html", "/static/netd.js", "/static/app/main.js", "/static/LICENSE"}
        self.assertEqual(set(files), expected)
        self.assertEqual(files["/"].content, b"index.html")

    def test_types(self) -> None:
        """Browsers, which are told not to guess, learn what each file is; what is not known is a text, and never run."""
        for name, kind in (
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.svg", "image/svg+xml"),
            ("a.woff2", "font/woff2"),
            ("a.exe", "text/plain; charset=utf-8"),
        ):
            (self.folder / name).write_text("x")
            self.assertEqual(read_files(self.folder)[f"/static/{name}"].content_type, kind)

    def test_tags(self) -> None:
        """Another content has another tag, the same has the same."""
        tags = []
        for content in ("x", "y", "x"):
            (self.folder / "a.js").write_text(content)
            tags.append(read_files(self.folder)["/static/a.js"].tag)
        self.assertEqual(tags[0], tags[2])
        self.assertNotEqual(tags[0], tags[1])

    def test_for_other_pages(self) -> None:
        """Browsers run the module on pages of other origins, and nothing else of what is there."""
        for name in ("netd.js", "index.html"):
            (self.folder / name).write_text(name)
        files = read_files(self.folder)
        shared = [path for path, file in files.items() if ("Access-Control-Allow-Origin", "*") in _ask(file).extra]
        self.assertEqual(shared, ["/netd.js"])
        tag = files["/netd.js"].tag
        self.assertIn(("Access-Control-Allow-Origin", "*"), _ask(files["/netd.js"], {"if-none-match": tag}).extra)

    def test_our_own(self) -> None:
        """What is shipped is what browsers need: a page, the module, and types that are known."""
        files = read_files(FOLDER, PAGES)
        self.assertLessEqual({"/", "/netd.js", "/static/api.css"}, set(files))
        for path, file in files.items():
            if "." in path.rpartition("/")[2]:
                self.assertFalse(file.content_type.startswith("text/plain"), path)
