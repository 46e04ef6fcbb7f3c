"""The one-file clients, for programs on other machines: ``/clients/relay.py``. Each is made on the first request for it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from netd import __version__
from netd.gateway.answer import TEXT, Answer, plain
from netd.gateway.files import File, make_file
from netd.gateway.head import Head
from netd.onefile import CLIENTS, make_client

__all__ = ["SHELF", "ClientFiles"]

SHELF = "/clients/"
"""The path below which the clients are served."""

_LIST = f"""Clients of netd {__version__}. Each is one file that needs Python 3.7 or newer and nothing else:
fetch it by its name below this address (curl -O …{SHELF}relay.py), and put it beside your program.

"""


class ClientFiles:
    """One file for each kind of client, and the list of them."""

    def __init__(self) -> None:
        self._made: dict[str, File] = {}

    def paths(self) -> dict[str, Callable[[Head], Answer]]:
        """Return the functions that answer requests, by path."""
        kinds = {f"{SHELF}{kind}.py": kind for kind in CLIENTS}
        return {SHELF: self._index} | {path: self._serve(kind) for path, kind in kinds.items()}

    def nothing_there(self) -> Answer:
        """Return the answer to a request for an unknown file."""
        names = ", ".join(f"{kind}.py" for kind in CLIENTS)
        return plain(HTTPStatus.NOT_FOUND, f"there is no such client; there are {names}")

    def _index(self, head: Head) -> Answer:
        return self._file("", lambda: _LIST + "".join(f"{kind}.py: {one.summary}\n" for kind, one in CLIENTS.items())).answer(
            head
        )

    def _serve(self, kind: str) -> Callable[[Head], Answer]:
        return lambda head: self._file(kind, lambda: make_client(kind)).answer(head)

    def _file(self, name: str, make: Callable[[], str]) -> File:
        if name not in self._made:
            self._made[name] = make_file(make().encode(), TEXT)
        return self._made[name]
