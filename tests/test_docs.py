"""What people read is true: links lead somewhere, generated pages are fresh, news and tests say what they are about."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd import reference

CHECKOUT = Path(__file__).resolve().parent.parent

_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|^\[[^\]]+\]:\s*<?([^\s>]+)", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#")


def pages() -> list[Path]:
    """Every Markdown page of the checkout, environments and build trees left out."""
    folders = (folder for folder in CHECKOUT.iterdir() if folder.is_dir() and not folder.name.startswith((".", "_")))
    return sorted([*CHECKOUT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))])


def links(text: str) -> Iterator[tuple[int, str]]:
    """Line and path of each link in a page to another file; links in code are text."""
    prose = _CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)
    for link in _LINK.finditer(prose):
        target = link[1] or link[2]
        if not _ELSEWHERE.match(target):
            yield prose.count("\n", 0, link.start()) + 1, target.partition("#")[0]


def fragment_problem(name: str, types: Iterable[str]) -> str | None:
    """What is wrong with the file name of a news fragment, or None."""
    if re.fullmatch(rf"(?:\d+|\+[a-z0-9][a-z0-9-]*)\.(?:{'|'.join(types)})(?:\.\d+)?\.md", name):
        return None
    return f"newsfragments/{name}: call it <issue>.<type>.md or +<word>.<type>.md, the type being one of {', '.join(types)}"


def undocumented_tests(source: str) -> list[tuple[int, str]]:
    """Line and name of each test without a docstring."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.lineno, node.name) for node in functions if node.name.startswith("test_") and not ast.get_docstring(node)]


class PagesTests(SynchronousTestCase):
    def test_links_lead_somewhere(self) -> None:
        """A reader on any page can follow every link to another file of the checkout."""
        broken = [
            f"{page.relative_to(CHECKOUT)}:{line}: {target}"
            for page in pages()
            for line, target in links(page.read_text(encoding="utf-8"))
            if not (page.parent / target).exists()
        ]
        self.assertEqual([], broken)

    def test_no_strangers_project(self) -> None:
        """Nobody is told to install `netd` from PyPI, where another project has the name: only wheels and checkouts are netd."""
        sources = (*pages(), *(CHECKOUT / "netd").rglob("*.py"), *(CHECKOUT / "examples").rglob("*.py"), CHECKOUT / "Makefile")
        foreign = re.compile(r"pip[^\n]* install (?:[^\n`]* )?['\"]?netd(?![\w/.-])")
        self.assertTrue(all(foreign.search(f"pip install {one}") for one in ("netd", "'netd[cli]'", "-U netd[cluster]")))
        self.assertFalse(foreign.search("pip install './netd-1-py3-none-any.whl[cli]'"))
        told = [f"{page.relative_to(CHECKOUT)}: {line}" for page in sources for line in foreign.findall(page.read_text("utf-8"))]
        self.assertEqual([], told)

    def test_curl_works(self) -> None:
        """A request to /rpc says that it is JSON, without which it is refused."""
        for page in pages():
            for command in re.findall(r"curl(?:[^\n]|(?<=\\)\n)*/rpc(?:[^\n]|(?<=\\)\n)*", page.read_text("utf-8")):
                self.assertIn("-H 'Content-Type: application/json'", command, page.name)

    def test_links_are_found(self) -> None:
        """Both spellings of a link are checked, with or without an anchor; other hosts, anchors alone and code are not."""
        text = "\n".join(
            [
                "[one](docs/one.md) and ![two](two.png#top), [far](https://example.org/x), [here](#here), `[code](not.md)`",
                "```",
                "[block](not.md)",
                "```",
                "[three]: three.md",
            ]
        )
        self.assertEqual([(1, "docs/one.md"), (1, "two.png"), (5, "three.md")], list(links(text)))

    def test_generated_pages_are_fresh(self) -> None:
        """The packaged configuration and its page show every option as it is in the code; ``make reference`` writes them anew."""
        self.assertEqual([], [str(path) for path in reference.stale(CHECKOUT)], "write them with: make reference")


class SubjectsTests(SynchronousTestCase):
    def test_every_event_is_listed(self) -> None:
        """Who follows the bus finds every subject in ``docs/subjects.md``, with all members of its event."""
        rows = (CHECKOUT / "docs" / "subjects.md").read_text(encoding="utf-8").splitlines()
        modules = list((CHECKOUT / "netd").glob("*/events.py"))
        events = [event for path in [*modules, CHECKOUT / "netd" / "vitals.py"] for event in events_of(path)]
        self.assertGreater(len(events), len(modules))
        missing = [
            f"{subject}: {name}"
            for subject, names in events
            for name in names
            if not any(f"`{subject}`" in row and f"`{name}`" in row for row in rows)
        ]
        self.assertEqual([], missing)


def events_of(path: Path) -> list[tuple[str, list[str]]]:
    """The event classes of a module: the subject that each one's docstring begins with, and its members."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            subject = re.match(r"``([a-z]+\.[^`]+)``", ast.get_docstring(node) or "")
            members = [
                part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            ]
            if subject is not None and members:
                found.append((subject[1], members))
    return found


class NewsTests(SynchronousTestCase):
    def types(self) -> list[str]:
        """The types of news that ``pyproject.toml`` knows."""
        settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
        return [kind["directory"] for kind in settings["tool"]["towncrier"]["type"]]

    def test_fragments_have_names_that_towncrier_knows(self) -> None:
        """No piece of news is lost on release because its file has a name that nothing looks for, or because it is empty."""
        types = self.types()
        fragments = [path for path in (CHECKOUT / "newsfragments").glob("*") if not path.name.startswith(".")]
        self.assertEqual([], [problem for path in fragments if (problem := fragment_problem(path.name, types))])
        self.assertEqual([], [path.name for path in fragments if not path.read_text(encoding="utf-8").strip()])

    def test_wrong_names(self) -> None:
        """A fragment with a wrong name is reported with the right form."""
        good = ["12.feature.md", "12.bugfix.2.md", "+relay.feature.md"]
        bad = ["12.md", "relay.feature.md", "12.news.md", "12.feature.rst", "+.feature.md"]
        self.assertEqual(bad, [name for name in good + bad if fragment_problem(name, self.types())])


class TestsTests(SynchronousTestCase):
    def test_every_test_says_what_it_is_about(self) -> None:
        """When a test fails, its docstring tells what a user would notice."""
        silent = [
            f"{path.relative_to(CHECKOUT)}:{line}: {name}"
            for path in sorted((CHECKOUT / "tests").rglob("*.py"))
            for line, name in undocumented_tests(path.read_text(encoding="utf-8"))
        ]
        self.assertEqual([], silent)

    def test_silent_test_is_found(self) -> None:
        """A test without a docstring is named with its line; other functions need none here."""
        source = 'def test_a():\n    "Says it."\n\ndef test_b():\n    pass\n\ndef setUp():\n    pass\n'
        self.assertEqual([(4, "test_b")], undocumented_tests(source))

    def test_every_folder_is_a_package(self) -> None:
        """No folder of tests is passed over by trial for want of an ``__init__.py``."""
        folders = {path.parent for path in (CHECKOUT / "tests").rglob("test_*.py")}
        self.assertEqual([], [str(folder) for folder in folders if not (folder / "__init__.py").exists()])
