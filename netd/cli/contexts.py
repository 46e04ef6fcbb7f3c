"""The gateways that the user has named. They are kept in a file of the user; the file names others that hold the tokens."""

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
"""The context that always exists: the daemon of this machine and user, through its control socket."""

MOST_BYTES = 1 << 20

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ContextError(Exception):
    """The file, or an entry for it, cannot be used. The message names the place and the remedy."""


@dataclass(frozen=True)
class Context:
    """A gateway.

    :ivar token_file: path of the file with the token, or None.
    :ivar cafile: path of a file of certificates to trust instead of those of the system, or None.
    :ivar certificate: path of the user's own certificate, or None.
    :ivar key: path of its private key; None where that is in the same file.
    """

    name: str
    url: str
    token_file: str | None = None
    cafile: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Contexts:
    """All contexts of the user.

    :ivar used: name of the context for commands that name none; None for :data:`LOCAL`.
    """

    by_name: Mapping[str, Context] = field(default_factory=dict)
    used: str | None = None

    def find(self, name: str) -> Context:
        """The context called *name*.

        :raises KeyError: when there is none.
        """
        return self.by_name[name]

    def with_context(self, context: Context) -> Contexts:
        """A copy with *context* added.

        :raises ContextError: if its name is invalid or taken.
        """
        if _NAME.fullmatch(context.name) is None:
            raise ContextError(f"{context.name!r} is no name for a context: use 1 to 64 letters, digits, '_', '.' or '-'")
        if context.name == LOCAL:
            raise ContextError(f"{LOCAL} is the daemon of this machine; choose another name")
        if context.name in self.by_name:
            raise ContextError(f"there is a context {context.name} already; `netd context remove {context.name}` first")
        return replace(self, by_name={**self.by_name, context.name: context})

    def without(self, name: str) -> Contexts:
        """A copy without *name*; raises ``KeyError`` if there is no such context."""
        self.find(name)
        rest = {one: context for one, context in self.by_name.items() if one != name}
        return Contexts(rest, None if self.used == name else self.used)

    def using(self, name: str) -> Contexts:
        """A copy in which *name* is used; raises ``KeyError`` if there is no such context."""
        return replace(self, used=None if name == LOCAL else self.find(name).name)


def contexts_file(environ: Mapping[str, str]) -> Path:
    """The path of the file: ``netd/contexts.json`` in ``XDG_CONFIG_HOME``, or in ``~/.config``."""
    home = environ.get("XDG_CONFIG_HOME") or str(home_directory(environ) / ".config")
    return Path(home) / "netd" / "contexts.json"


def read_contexts(path: Path) -> Contexts:
    """Read the contexts; a missing file has none.

    :raises ContextError: if the file cannot be read, or holds something else.
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
    known = {"url", "token_file", "cafile", "certificate", "key"}
    if not isinstance(one["url"], str) or any(not isinstance(one.get(name), (str, type(None))) for name in known):
        raise TypeError
    return {name: one.get(name) for name in known}


def write_contexts(path: Path, contexts: Contexts) -> None:
    """Write the file with mode 0600, replacing an earlier one as a whole.

    :raises ContextError: if the file cannot be written.
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
