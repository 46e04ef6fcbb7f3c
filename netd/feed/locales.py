"""The locales of Faker, found without importing it, because that takes longer than the rest of ``netd check``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["objection"]


def objection(locale: str) -> str:
    """A sentence about *locale* if Faker does not know it, with similar ones; empty if it does."""
    known = _known()
    if locale in known:
        return ""
    near = sorted(one for one in known if one.startswith(f"{locale[:2]}_"))
    return f"Faker does not know {locale}; it knows {', '.join(near or ['en_US', 'de_DE', 'fr_FR', '…'])}"


def _known() -> set[str]:
    """The known locales: each provider of Faker has a package for each of its locales."""
    spec = find_spec("faker")
    assert spec is not None, "netd depends on it"
    folders = map(Path, spec.submodule_search_locations or ())
    return {found.parent.name for folder in folders for found in folder.glob("providers/*/*/__init__.py")}
