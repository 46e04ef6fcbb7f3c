"""Tests of ``netd.gateway.files``: what is served of the disk."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.answer import Answer
from netd.gateway.files import FOLDER, PAGES, File, read_files
from netd.gateway.head import Head
from netd.gateway.page import render_page


def _ask(file: File, headers: dict[str, str] | None = None) -> Answer:
    return file.answer(Head("GET", "/", "HTTP/1.1", headers or {}))


class CompressedFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        (self.folder / "app").mkdir(parents=True)

    def test_paths(self) -> None:
        """Files are found by their place in the folder; two have a short address as well."""
        for name in ("index.html", "netd.js", "app/main.js", "LICENSE"):
            (self.folder / name).write_text(name)
        files = read_files(self.folder)
        expected = {"/", "/netd.js", "/static/netd.js", "/static/app/main.js", "/static/LICENSE"}
        self.assertEqual(set(files), expected)
        self.assertEqual(files["/"].content, b"index.html")

    def test_addresses_are_relative(self) -> None:
        """The dashboard works under any path that a proxy puts it at: nothing in it names another file from the root."""
        absolute = re.compile(r"""(?:href|src)="/|(?:from|import) ?\(?["'`]/|url\(["']?/|new URL\(["'`]/""")
        texts = {path: file.content.decode() for path, file in read_files(FOLDER, PAGES).items()}
        texts["/api"] = render_page([]).decode()
        self.assertEqual({}, {path: absolute.findall(text) for path, text in texts.items() if absolute.search(text)})
        self.assertIn('src="static/app/main.js"', texts["/"])

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

    def test_compressed(self) -> None:
        """A browser, which takes gzip, gets a text in fewer bytes; others, and those that refuse gzip, get it as it is."""
        (self.folder / "a.js").write_text("let value = 1;\n" * 50)
        file = read_files(self.folder)["/static/a.js"]
        for accepted in ("gzip, deflate, br", "GZIP", "br;q=1.0, gzip;q=0.5", "*", "x-gzip"):
            answer = _ask(file, {"accept-encoding": accepted})
            self.assertIn(("Content-Encoding", "gzip"), answer.extra, accepted)
            self.assertEqual(gzip.decompress(answer.body), file.content)
            self.assertLess(len(answer.body), len(file.content))
        for refused in ("", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzip;q=0, *", "*;q=0", "gzipped"):
            answer = _ask(file, {"accept-encoding": refused})
            self.assertEqual(answer.body, file.content, refused)
            self.assertNotIn("Content-Encoding", dict(answer.extra))

    def test_compressed_in_caches(self) -> None:
        """Each form of a file has a tag of its own, which says that a client has just this form; caches keep them apart."""
        (self.folder / "a.js").write_text("let value = 1;\n" * 50)
        file = read_files(self.folder)["/static/a.js"]
        forms = ({"accept-encoding": "gzip"}, {})
        tags = [dict(_ask(file, form).extra)["ETag"] for form in forms]
        self.assertNotEqual(tags[0], tags[1])
        for form, own, other in ((forms[0], *tags), (forms[1], *reversed(tags))):
            for known, status in ((own, 304), (f"W/{own}", 304), (other, 200), ("*", 304)):
                answer = _ask(file, {**form, "if-none-match": known})
                self.assertEqual(answer.status, status, known)
                self.assertEqual(dict(answer.extra)["ETag"], own)
                self.assertEqual(dict(answer.extra)["Vary"], "Accept-Encoding")

    def test_not_worth_compressing(self) -> None:
        """A file that would hardly be shorter is sent as it is."""
        (self.folder / "a.js").write_text("let value = 1;")
        answer = _ask(read_files(self.folder)["/static/a.js"], {"accept-encoding": "gzip"})
        self.assertEqual(answer.body, b"let value = 1;")

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
