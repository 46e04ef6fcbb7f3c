"""One-file clients: the modules of a client in :mod:`netd.client`, joined to one file for machines without netd.

The modules are joined unchanged, each after the modules that it imports. No module is executed. The imports from the standard
library come first, each once. The file needs Python 3.7 or newer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from netd import __version__

__all__ = ["CLIENTS", "Client", "NotOneFile", "make_client"]

FOLDER = Path(__file__).parent / "client"
PACKAGE = "netd.client."
WIDTH = 130


class Client(NamedTuple):
    """A client that can be one file.

    :ivar modules: the modules whose names a program uses. The modules that these import are added.
    :ivar summary: its classes and their purpose, for lists of clients.
    """

    modules: tuple[str, ...]
    summary: str


CLIENTS: Mapping[str, Client] = MappingProxyType(
    {
        "relay": Client(("relay", "relay_asyncio"), "Device, Controller: be told things by name, and tell them"),
        "session": Client(("session", "session_asyncio"), "Agent: stream measurements to whoever dials"),
        "feed": Client(("feed", "feed_asyncio"), "Feed: samples of the feed, one by one or in blocks"),
        "command": Client(("command", "command_asyncio"), "Caller, call: run commands and get their results"),
        "room": Client(("room", "room_asyncio"), "Bot: take a place in a room, and answer in character"),
    }
)
"""The clients, by kind."""

_USE = '''
This file was made by netd {version} (`netd client {kind}`). It needs Python 3.7 or newer and nothing else: put it beside your
program and ``from {kind} import {names}``; what is for asyncio begins with Async. Do not edit it: make it again.
"""

from __future__ import annotations

'''


_LINK = re.compile(r"(:\w+:`)netd\.client\.(?:\w+\.)?(?=\w)")
"""A reference of a docstring to another module. In one file, the module's name is left out of it."""


class NotOneFile(Exception):
    """The modules cannot be joined. The text names the line that is in the way."""


class _Module:
    """One module, split into docstring, imports, exported names and all else."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._text = (FOLDER / f"{name}.py").read_text("utf-8")
        self._lines = self._text.splitlines()
        self._tree = ast.parse(self._text)
        self._dropped: set[int] = set()
        self.needs: list[str] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.exports: list[str] = []
        self.defines: list[str] = []
        for node in self._tree.body[1:]:
            self._sort(node)

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self._tree) or ""

    @property
    def body(self) -> str:
        """The text of the module without its docstring, imports and ``__all__``."""
        self._drop(self._tree.body[0])
        return "\n".join(line for number, line in enumerate(self._lines, 1) if number not in self._dropped).strip("\n")

    def _sort(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._take_import(node)
        elif isinstance(node, ast.If):  # TYPE_CHECKING
            for one in node.body:
                if _own(one):
                    self._drop(one)
        elif isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            self.exports = list(ast.literal_eval(node.value))
            self._drop(node)
        else:
            self.defines += _names(node)

    def _take_import(self, node: ast.Import | ast.ImportFrom) -> None:
        if any(alias.asname for alias in node.names):
            raise self._objection(node, "imports something under another name")
        if _own(node):
            self.needs.append(_own(node))
        elif any(name.partition(".")[0] == "netd" for name in (getattr(node, "module", ""), *(one.name for one in node.names))):
            raise self._objection(node, "imports a module of netd's: import what is in it, and of clients alone")
        else:
            self.imports.append(node)
        self._drop(node)

    def _drop(self, node: ast.stmt) -> None:
        self._dropped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))

    def _objection(self, node: ast.stmt, why: str) -> NotOneFile:
        return NotOneFile(f"{FOLDER / self.name}.py:{node.lineno}: {why}")


def make_client(kind: str) -> str:
    """Return the text of the one-file client.

    :param kind: a key of :data:`CLIENTS`.
    :raises NotOneFile: if two modules define the same name, or if an import cannot be joined.
    """
    found: dict[str, _Module] = {}
    for name in CLIENTS[kind].modules:
        _collect(name, found)
    _check_names(found)
    main = found[kind]
    exports = sorted({name for module in CLIENTS[kind].modules for name in found[module].exports})
    use = _USE.format(version=__version__, kind=kind, names=CLIENTS[kind].summary.partition(":")[0])
    head = f'"""{main.docstring}\n{use}{_imports(found)}\n\n__all__ = [\n'
    head += "".join(f'    "{name}",\n' for name in exports) + "]\n"
    return _LINK.sub(r"\1", head + "".join(_section(module) for module in found.values()))


def _own(node: ast.stmt) -> str:
    """Return the name of the client module from which *node* imports; empty for another import."""
    module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
    return module.removeprefix(PACKAGE) if module.startswith(PACKAGE) else ""


def _collect(name: str, found: dict[str, _Module]) -> None:
    """Add the module *name* to *found*, after the modules that it imports."""
    if name not in found:
        module = _Module(name)
        for needed in module.needs:
            _collect(needed, found)
        found[name] = module


def _check_names(found: Mapping[str, _Module]) -> None:
    homes: dict[str, str] = {}
    for module in found.values():
        for name in module.defines:
            if homes.setdefault(name, module.name) != module.name:
                raise NotOneFile(f"{name} is defined in {homes[name]}.py and in {module.name}.py: one file has room for one")


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module defines."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def _imports(found: Mapping[str, _Module]) -> str:
    """Return the imports of all modules from the standard library."""
    plain: set[str] = set()
    origins: dict[str, set[str]] = {}
    for module in found.values():
        for node in module.imports:
            names = {alias.name for alias in node.names}
            if isinstance(node, ast.Import):
                plain |= names
            elif node.module != "__future__":
                origins.setdefault(node.module or "", set()).update(names)
    lines = [f"import {name}" for name in sorted(plain)]
    return "\n".join([*lines, *(_import_line(origin, sorted(names)) for origin, names in sorted(origins.items()))])


def _import_line(origin: str, names: list[str]) -> str:
    line = f"from {origin} import {', '.join(names)}"
    return line if len(line) <= WIDTH else f"from {origin} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _section(module: _Module) -> str:
    title = f"# --- {module.name}: {module.docstring.splitlines()[0]} "
    return f"\n\n{title.ljust(WIDTH, '-')}\n\n{module.body}\n"
