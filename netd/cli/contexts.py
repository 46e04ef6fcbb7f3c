"""The gateways that a user has given names to, kept in a file of the user's own; secrets are in other files, which it names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from netd.paths import home_directory

__all__ = ["LOCAL", "Context", "ContextError", "Contexts", "contexts_file", "read_contexts", "write_contexts"]

LOCAL = "local"
"""The context that is always there: the daemon of this machine and user, through its control socket."""

MOST_BYTES = 1 << 20

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ContextError(Exception):
    """The file, or what should go into it, cannot be used; the text says where and what to do about it."""


@dataclass(frozen=True)
class Context:
    """A gateway.

    :ivar token_file: the file with the token, or None.
    :ivar cafile: certificates that are trusted instead of the system's, or None.
    """

    name: str
    url: str
    token_file: str | None = None
    cafile: str | None = None


@dataclass(frozen=True)
class Contexts:
    """All of a user's contexts.

    :ivar used: the one that is meant where none is named; None for :data:`LOCAL`.
    """

    by_name: Mapping[str, Context] = field(default_factory=dict)
    used: str | None = None

    def find(self, name: str) -> Context:
        """The context called *name*.

        :raises KeyError: when there is none.
        """
        return self.by_name[name]

    def with_context(self, context: Context) -> Contexts:
        """These, and *context*.

        :raises ContextError: when its name cannot be one, or is taken.
        """
        if _NAME.fullmatch(context.name) is None:
            raise ContextError(f"{context.name!r} is no name for a context: use 1 to 64 letters, digits, '_', '.' or '-'")
        if context.name == LOCAL:
            raise ContextError(f"{LOCAL} is the daemon of this machine; choose another name")
        if context.name in self.by_name:
            raise ContextError(f"there is a context {context.name} already; `netd context remove {context.name}` first")
        return replace(self, by_name={**self.by_name, context.name: context})

    def without(self, name: str) -> Contexts:
        """These but *name*; raises ``KeyError`` when it is not there."""
        self.find(name)
        rest = {one: context for one, context in self.by_name.items() if one != name}
        return Contexts(rest, None if self.used == name else self.used)

    def using(self, name: str) -> Contexts:
        """These, with *name* as the one that is meant; raises ``KeyError`` when it is not there."""
        return replace(self, used=None if name == LOCAL else self.find(name).name)


def contexts_file(environ: Mapping[str, str]) -> Path:
    """Where the contexts are: ``netd/contexts.json`` in ``XDG_CONFIG_HOME``, or in ``~/.config``."""
    home = environ.get("XDG_CONFIG_HOME") or str(home_directory(environ) / ".config")
    return Path(home) / "netd" / "contexts.json"


def read_contexts(path: Path) -> Contexts:
    """The contexts in the file; none where there is no file.

    :raises ContextError: when it cannot be read, or is none of ours.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return Contexts()
    except OSError as error:
        raise ContextError(f"cannot read {path}: {error.strerror}; or say which netd you mean with --state DIR") from error
    try:
        kept = json.loads(text)
        found = {str(name): Context(str(name), **_members(one)) for name, one in kept["contexts"].items()}
        used = kept.get("used")
        return Contexts(found, used if used in found else None)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise ContextError(f"{path}: not a file of contexts; mend it or remove it, and `netd context add` them anew") from error


def _members(one: Mapping[str, Any]) -> dict[str, Any]:
    known = {"url", "token_file", "cafile"}
    if not isinstance(one["url"], str) or any(not isinstance(one.get(name), (str, type(None))) for name in known):
        raise TypeError
    return {name: one.get(name) for name in known}


def write_contexts(path: Path, contexts: Contexts) -> None:
    """Make the file, mode 0600, or replace it as a whole.

    :raises ContextError: when that cannot be done.
    """
    entries = {
        name: {key: value for key, value in asdict(one).items() if key != "name" and value is not None}
        for name, one in sorted(contexts.by_name.items())
    }
    import tempfile  # noqa: PLC0415 - all commands must start fast

    text = json.dumps({"used": contexts.used, "contexts": entries}, indent=2) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=".contexts-")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(new).replace(path)
        except BaseException:
            Path(new).unlink()
            raise
    except OSError as error:
        raise ContextError(f"cannot write {path}: {error.strerror}") from error
