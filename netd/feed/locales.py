"""The locales that Faker knows, found without importing it: that takes longer than all the rest of ``netd check``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["objection"]


def objection(locale: str) -> str:
    """Why there is no Faker of *locale*, with those that are like it; empty where there is one."""
    known = _known()
    if locale in known:
        return ""
    near = sorted(one for one in known if one.startswith(f"{locale[:2]}_"))
    return f"Faker does not know {locale}; it knows {', '.join(near or ['en_US', 'de_DE', 'fr_FR', '…'])}"


def _known() -> set[str]:
    """As Faker finds them: each of its providers has a package for each locale."""
    spec = find_spec("faker")
    assert spec is not None, "netd depends on it"
    folders = map(Path, spec.submodule_search_locations or ())
    return {found.parent.name for folder in folders for found in folder.glob("providers/*/*/__init__.py")}
