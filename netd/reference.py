"""``python -m netd.reference``: write the files that are made from the code.

It is run in a checkout, and writes ``etc/netd.ini`` and ``docs/configuration.md`` from the declarations of the options, and
``docs/messages.md`` from the lines of the log. A test fails if they do not match the code.
"""

from __future__ import annotations

from pathlib import Path

from netd.catalogue import messages_of, render_catalogue
from netd.config import stale_references, write_reference
from netd.kinds import find_kinds

__all__ = ["main", "stale"]

MESSAGES = Path("docs", "messages.md")


def stale(root: Path) -> list[Path]:
    """Return the files in the checkout *root* that do not match the code."""
    options = stale_references(root, {name: kind.config for name, kind in find_kinds().items()})
    page = root / MESSAGES
    is_fresh = page.is_file() and page.read_text(encoding="utf-8") == _messages()
    return options if is_fresh else [*options, page]


def main() -> None:
    """Write the files into the current directory, which must be a checkout."""
    for path in write_reference(Path.cwd(), {name: kind.config for name, kind in find_kinds().items()}):
        print(path)
    page = Path.cwd() / MESSAGES
    page.write_text(_messages(), encoding="utf-8")
    print(page)


def _messages() -> str:
    return render_catalogue(messages_of(Path(__file__).parent))


if __name__ == "__main__":
    main()
