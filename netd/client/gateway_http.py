"""HTTP requests to netd's gateway, and their responses, as bytes. h11 reads and writes HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import h11

from netd.client.control import BadAnswer, ControlError, ControlTimeout, InvalidRequest, NotPermitted, NotRunning
from netd.client.gateway_access import Address
from netd.client.websocket import accept_of

__all__ = ["SUBPROTOCOL", "HttpExchange", "Response", "check_agreement", "rpc_result"]

SUBPROTOCOL = "netd.v1"

GREATEST_HEAD = 16 * 1024
"""Bytes of the head of a response, and of one line within a body in chunks."""


class Response(NamedTuple):
    """A response of HTTP.

    :ivar headers: by their names in lower case; the last of each.
    :ivar rest: what came after it.
    :ivar is_last: whether there can be no more requests on this connection.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes = b""
    rest: bytes = b""
    is_last: bool = True


class HttpExchange:
    """One request, and the response to it.

    :param limit: bytes of the longest body.
    """

    def __init__(self, address: Address, token: str | None, limit: int) -> None:
        self._address = address
        self._token = token
        self._limit = limit
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=GREATEST_HEAD)
        self._head: h11.Response | h11.InformationalResponse | None = None
        self._body = bytearray()

    def call(self, body: bytes) -> bytes:
        """The request that carries *body*, a request of JSON-RPC 2.0."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Content-Length": str(len(body))}
        return self._request("POST", "/rpc", headers, body)

    def upgrade(self, key: str) -> bytes:
        """The request that opens a WebSocket.

        :param key: sixteen random bytes in base64.
        """
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": SUBPROTOCOL,
        }
        return self._request("GET", "/ws", headers, b"")

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        every = {"Host": self._address.authority, **headers}
        if self._token is not None:
            every["Authorization"] = f"Bearer {self._token}"
        head = h11.Request(method=method, target=f"{self._address.path}{path}", headers=list(every.items()))
        parts = [self._http.send(event) for event in (head, h11.Data(data=body), h11.EndOfMessage())]
        return b"".join(part for part in parts if part)

    def feed(self, received: bytes) -> Response | None:
        """The response, once it is whole; no bytes are the end of the connection.

        :raises BadAnswer: when this is no response, or too long, or cut off.
        """
        try:
            self._http.receive_data(received)
            event = self._http.next_event()
            while event is not h11.NEED_DATA:
                if isinstance(event, (h11.Response, h11.InformationalResponse)):
                    self._head = event
                elif isinstance(event, h11.Data):
                    self._take(event.data)
                if isinstance(event, h11.EndOfMessage) or (self._head is not None and self._head.status_code == 101):
                    return self._whole(self._head)
                event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise BadAnswer(f"not a response of HTTP: {error}") from None
        return None

    def _take(self, content: bytes | bytearray) -> None:
        self._body += content
        if len(self._body) > self._limit:
            raise BadAnswer(f"the answer is longer than {self._limit} bytes")

    def _whole(self, head: h11.Response | h11.InformationalResponse | None) -> Response:
        assert head is not None, "its end comes after its head"
        headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in head.headers}
        rest, _ = self._http.trailing_data
        is_last = bool(rest) or self._http.their_state is not h11.DONE
        reason = head.reason.decode("latin-1")[:200]
        return Response(head.status_code, reason, headers, bytes(self._body), rest, is_last)


def _refusal(address: Address, response: Response) -> ControlError:
    """Return the error for an unexpected response."""
    status = f"{response.status} {response.reason}".strip()
    text = _told_in(response.body)
    is_told = bool(text) and not text.startswith("<")  # netd says what is wrong and the remedy; a proxy sends a page, or nothing
    said = f"{status}: {text}" if is_told else status
    if response.status == 401:
        remedy = "" if is_told else "; `netd token add NAME --role operator` makes one"
        return NotPermitted(f"{address.url} wants a token, or does not know this one ({said}){remedy}", -32002)
    if response.status == 403:
        return NotPermitted(f"{address.url} refuses ({said})", -32002)
    if response.status in {400, 411, 413, 415, 431}:
        return InvalidRequest(f"{address.url} cannot read the request ({said})", -32600)
    if response.status == 408:
        return ControlTimeout(f"{address.url} gave up on the request ({said})")
    if response.status in {502, 503, 504}:
        return NotRunning(f"{address.url} does not serve now ({said})")
    return BadAnswer(f"no gateway of netd is at {address.url}: it answered {said}")


def _told_in(body: bytes) -> str:
    """Return what a body says: the sentence in netd's JSON about a refusal, else its beginning."""
    try:
        said = json.loads(body)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        said = None
    return said[:500] if isinstance(said, str) else body[:500].decode("utf-8", "replace").strip()


def rpc_result(address: Address, response: Response) -> bytes:
    """The answer of JSON-RPC 2.0 that *response* carries.

    :raises ControlError: of the class that belongs to its status, when it carries none.
    """
    if response.status != 200:
        raise _refusal(address, response)
    return response.body


def check_agreement(address: Address, response: Response, key: str) -> None:
    """Make sure that the server has opened the WebSocket that *key* asked for.

    :raises ControlError: of the class that belongs to its status, when it has not.
    """
    if response.status != 101:
        raise _refusal(address, response)
    if response.headers.get("sec-websocket-accept") != accept_of(key):
        raise BadAnswer(f"no gateway of netd is at {address.url}: it did not answer the key of the WebSocket")
    if response.headers.get("sec-websocket-protocol") != SUBPROTOCOL:
        raise BadAnswer(f"no gateway of netd is at {address.url}: it does not speak {SUBPROTOCOL}")
