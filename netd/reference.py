"""``python -m netd.reference``: write the files that are rendered from the option declarations.

It is run in a checkout, and writes ``etc/netd.ini`` and ``docs/configuration.md``. A test fails if they do not match the code.
"""

from __future__ import annotations

from pathlib import Path

from netd.config import stale_references, write_reference
from netd.kinds import find_kinds

__all__ = ["main", "stale"]


def stale(root: Path) -> list[Path]:
    """Return the rendered files in the checkout *root* that do not match the code."""
    return stale_references(root, {name: kind.config for name, kind in find_kinds().items()})


def main() -> None:
    """Write the rendered files into the current directory, which must be a checkout."""
    for path in write_reference(Path.cwd(), {name: kind.config for name, kind in find_kinds().items()}):
        print(path)


if __name__ == "__main__":
    main()
