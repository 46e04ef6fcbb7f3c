"""Tests of how a tutorial is read: what its reader is told to do, and what counts as the same output."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.tutorials.page import Block, Typed, blocks, merged, pattern_of, typed
from tests.tutorials.reader import TUTORIALS

PAGE = """\
# A page

```ini
[relay]
```

Save it:

```python sensor.py
print(1)
```
"""


def is_shown(page: str, output: str, is_begun: bool = False) -> bool:
    """Whether *output* is what *page* shows."""
    return re.match(pattern_of(page.splitlines(), is_begun), output) is not None


class PageTests(SynchronousTestCase):
    def test_blocks(self) -> None:
        """The blocks of a page come in order, each with its language, the file to save and its line."""
        found = [Block("ini", "", "[relay]\n", 3), Block("python", "sensor.py", "print(1)\n", 9)]
        self.assertEqual(found, list(blocks(PAGE)))

    def test_typed(self) -> None:
        """Each prompt is a command, and what follows is what it shows; how it ends is seen in its last line."""
        text = "$ ls\n$ netd run \\\n  -c x\nserves\n…\n$ netd tail\na\n\n^C\n$ python3 s.py &\n"
        found = [
            Typed("ls", ()),
            Typed("netd run   -c x", ("serves", "…"), runs_on=True),
            Typed("netd tail", ("a", ""), is_ended=True),
            Typed("python3 s.py", (), runs_on=True),
        ]
        self.assertEqual(found, list(typed(text)))
        self.assertRaises(AssertionError, lambda: list(typed("ls\n")))

    def test_shown(self) -> None:
        """Output is the same but for widths of columns, times, ports and tokens; everything else is compared."""
        self.assertTrue(is_shown("shed   21.5 °C   3 s ago", "shed 21.5 °C      1.2 min ago  \n"))
        self.assertTrue(is_shown("2026-11-28 22:00:01 127.0.0.1:54321", "2027-01-02 03:04:05.678 127.0.0.1:40000\n"))
        self.assertTrue(is_shown("netd_abc", "netd_Xyz1\n\n"))
        self.assertFalse(is_shown("shed 21.5 °C", "shed 21.6 °C\n"))
        self.assertFalse(is_shown("shed", "shed\nmore\n"))
        self.assertFalse(is_shown("127.0.0.1:9000", "127.0.0.1:9001\n"))

    def test_anything(self) -> None:
        """An ellipsis stands for anything in a line, and alone for any lines, even none."""
        self.assertTrue(is_shown("it is … now", "it is very late now\n"))
        self.assertFalse(is_shown("it is … now", "it is\nnow\n"))
        for output in ("a\nb\n", "a\n1\n2\nb\n"):
            self.assertTrue(is_shown("a\n…\nb", output))
        self.assertFalse(is_shown("a\n…\nb", "a\n1\n"))
        self.assertTrue(is_shown("a", "a\nb\n", is_begun=True))

    def test_merged(self) -> None:
        """A section that is there already is replaced where it comes again, and the others stay."""
        self.assertEqual("[a]\nx = 1\n\n[b]\ny = 2\n\n", merged("[b]\nx = 0\n[a]\nx = 1\n", "[b]\ny = 2\n"))

    def test_each_is_followed(self) -> None:
        """No tutorial is left that no test follows, or that the index does not lead to."""
        tests = "".join(path.read_text("utf-8") for path in TUTORIALS.parents[1].glob("tests/tutorials/test_real_*.py"))
        pages = {path.name for path in TUTORIALS.glob("*.md")} - {"index.md"}
        self.assertEqual([], sorted(page for page in pages if f'"{page}"' not in tests))
        index = (TUTORIALS / "index.md").read_text("utf-8")
        self.assertEqual([], sorted(page for page in pages if f"({page})" not in index))
