"""The clients that are files, for programs on other machines: ``/clients/relay.py``. Each is made on the first request for it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from netd import __version__
from netd.gateway.answer import TEXT, Answer, plain
from netd.gateway.files import File, make_file
from netd.gateway.head import Head
from netd.sdk import SDKS, Sdk

__all__ = ["SHELF", "ClientFiles"]

SHELF = "/clients/"
"""The path below which the clients are served."""

_LIST = f"""Clients of netd {__version__}. Each is one file that needs nothing else (those for Python: 3.7 or newer):
fetch it by its name below this address (curl -O …{SHELF}relay.py), and put it beside your program.

"""


class ClientFiles:
    """One file for each kind of client, and the list of them."""

    def __init__(self) -> None:
        self._made: dict[str, File] = {}

    def paths(self) -> dict[str, Callable[[Head], Answer]]:
        """Return the functions that answer requests, by path."""
        return {SHELF: self._index} | {f"{SHELF}{sdk.name}": self._serve(sdk) for sdk in SDKS.values()}

    def nothing_there(self) -> Answer:
        """Return the answer to a request for an unknown file."""
        names = ", ".join(sdk.name for sdk in SDKS.values())
        return plain(HTTPStatus.NOT_FOUND, f"there is no such client; there are {names}")

    def _index(self, head: Head) -> Answer:
        return self._file("", lambda: _LIST + "".join(f"{one.name}: {one.summary}\n" for one in SDKS.values())).answer(head)

    def _serve(self, sdk: Sdk) -> Callable[[Head], Answer]:
        return lambda head: self._file(sdk.name, sdk.text).answer(head)

    def _file(self, name: str, make: Callable[[], str]) -> File:
        if name not in self._made:
            self._made[name] = make_file(make().encode(), TEXT)
        return self._made[name]
