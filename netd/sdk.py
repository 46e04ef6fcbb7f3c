"""The clients that programs elsewhere copy: for Python, microcontrollers, Arduino and JavaScript. ``netd client`` prints them."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from netd import __version__
from netd.onefile import CLIENTS, make_client

__all__ = ["SDKS", "Sdk"]

CLIENT = Path(__file__).parent / "client"
NETD_JS = Path(__file__).parent / "gateway" / "static" / "netd.js"


class Sdk(NamedTuple):
    """The client of one kind.

    :ivar files: functions that return the texts of its files, by the names of these. The first file is the client itself.
    :ivar summary: what is in it, for lists of clients.
    """

    files: Mapping[str, Callable[[], str]]
    summary: str

    @property
    def name(self) -> str:
        """The name of the file that is the client itself."""
        return next(iter(self.files))

    def text(self) -> str:
        """Return the text of the file that is the client itself."""
        return self.files[self.name]()


def _read(path: Path) -> str:
    return path.read_text("utf-8")


def _make_micro() -> str:
    """Return ``netd.client.micro`` without what only a type checker reads: MicroPython has no module ``typing``."""
    text = _read(CLIENT / "micro.py")
    lines = text.splitlines(keepends=True)
    tree = ast.parse(text)
    dropped = [node for node in tree.body if "TYPE_CHECKING" in (ast.unparse(node).splitlines() or [""])[0]]
    for node in reversed(dropped):
        del lines[node.lineno - 1 : node.end_lineno]
    begin, _, rest = "".join(lines).partition('\n"""\n')
    return f'{begin}\n\nMade by netd {__version__} (`netd client micropython`). Do not edit it: make it again.\n"""\n{rest}'


def _make_package() -> str:
    """Return the ``package.json`` of netd.js, of this version."""
    return json.dumps({**json.loads(_read(CLIENT / "js" / "package.json")), "version": __version__}, indent=2) + "\n"


def _make_arduino() -> str:
    """Return ``Netd.h``, which tells in its first lines which netd has made it."""
    begin, _, rest = _read(CLIENT / "arduino" / "Netd.h").partition("\n//\n")
    return f"{begin}\n// Made by netd {__version__} (`netd client arduino`). Do not edit it: make it again.\n//\n{rest}"


def _make_properties() -> str:
    """Return the ``library.properties`` of Netd.h, of this version."""
    return f"{_read(CLIENT / 'arduino' / 'library.properties')}version={__version__}\n"


SDKS: Mapping[str, Sdk] = MappingProxyType(
    {
        **{kind: Sdk({f"{kind}.py": partial(make_client, kind)}, client.summary) for kind, client in CLIENTS.items()},
        "micropython": Sdk({"netd_micro.py": _make_micro}, "Device, Agent: for MicroPython and CircuitPython"),
        "arduino": Sdk(
            {"Netd.h": _make_arduino, "library.properties": _make_properties},
            "Device, Agent: for Arduino (ESP8266, ESP32, boards with Ethernet)",
        ),
        "js": Sdk(
            {
                "netd.js": partial(_read, NETD_JS),
                "netd.d.ts": partial(_read, CLIENT / "js" / "netd.d.ts"),
                "package.json": _make_package,
                "README.md": partial(_read, CLIENT / "js" / "README.md"),
            },
            "Netd: an npm package for Node.js, Deno and pages",
        ),
    }
)
"""The clients, by kind."""
