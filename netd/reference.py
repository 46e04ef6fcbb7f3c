"""``python -m netd.reference``: write the files that are rendered from the option declarations.

Run from a checkout, ``etc/netd.ini`` and ``docs/configuration.md`` follow the code; a test fails when they do not.
"""

from __future__ import annotations

from pathlib import Path

from netd.config import stale_references, write_reference
from netd.kinds import find_kinds

__all__ = ["main", "stale"]


def stale(root: Path) -> list[Path]:
    """The rendered files of the checkout at *root* that do not match the code."""
    return stale_references(root, {name: kind.config for name, kind in find_kinds().items()})


def main() -> None:
    """Write them into the checkout that is the current directory."""
    for path in write_reference(Path.cwd(), {name: kind.config for name, kind in find_kinds().items()}):
        print(path)


if __name__ == "__main__":
    main()
