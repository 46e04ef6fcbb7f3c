"""The text of JSON-RPC 2.0 (``docs/protocols/console.md``): requests are read from JSON, answers are written as JSON."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from netd.codec.jsontext import BadJSON, decode, decode_object, encode
from netd.errors import (
    InvalidArguments,
    NetdError,
    NoSuchOperation,
    NoSuchTarget,
    NotInTime,
    NotPermitted,
    OperationFailed,
    Outdated,
    text_of,
)

__all__ = ["BadRequest", "Request", "answer", "failure", "join", "notification", "parse", "result_of"]

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
OPERATION_FAILED, NO_SUCH_TARGET, NOT_PERMITTED, NOT_IN_TIME, OUTDATED = -32000, -32001, -32002, -32003, -32004

MAX_BATCH = 100
"""Requests in one batch."""


class BadRequest(NetdError):
    """The JSON is not a JSON-RPC 2.0 request."""


_CODES: tuple[tuple[type[Exception], int], ...] = (
    (BadJSON, PARSE_ERROR),
    (BadRequest, INVALID_REQUEST),
    (NoSuchOperation, METHOD_NOT_FOUND),
    (InvalidArguments, INVALID_PARAMS),
    (NotPermitted, NOT_PERMITTED),
    (NoSuchTarget, NO_SUCH_TARGET),
    (NotInTime, NOT_IN_TIME),
    (Outdated, OUTDATED),
    (OperationFailed, OPERATION_FAILED),
)


@frozen
class Request:
    """One request, valid or not.

    :ivar id: a string, a number or None, as the caller chose it.
    :ivar is_notification: whether the caller wants no answer.
    :ivar problem: why this request is not valid, or None. With a problem, *method* and *params* mean nothing.
    """

    id: Any
    method: str = ""
    params: dict[str, Any] | list[Any] = field(factory=dict)
    is_notification: bool = False
    problem: NetdError | None = None


def parse(text: bytes) -> tuple[list[Request], bool]:
    """Return the requests in *text*, and whether they came as a batch. A malformed request is returned with its problem."""
    try:
        value = decode(text)
    except BadJSON as error:
        return [Request(None, problem=error)], False
    if not isinstance(value, list):
        return [_request(value)], False
    if not value:
        return [Request(None, problem=BadRequest("an empty batch"))], False
    if len(value) > MAX_BATCH:
        return [Request(None, problem=BadRequest(f"a batch has at most {MAX_BATCH} requests"))], False
    return [_request(item) for item in value], True


def answer(request_id: Any, result: object) -> bytes:
    """Return the answer that carries *result*. A result that cannot be JSON makes it an error answer that says so."""
    try:
        return encode({"jsonrpc": "2.0", "id": request_id, "result": result})
    except BadJSON as error:
        return failure(request_id, OperationFailed(f"the result {error}"))


def failure(request_id: Any, error: Exception) -> bytes:
    """Return the answer that carries *error*. A fault of netd's own is not described to the caller: the log has it."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), INTERNAL_ERROR)
    message = text_of(error) if code != INTERNAL_ERROR else "internal error; netd's log has it"
    message = message.encode("utf-8", "backslashreplace").decode()  # a file name that is not UTF-8 holds lone surrogates
    data = {"data": error.data} if isinstance(error, OperationFailed | NotPermitted) and error.data else {}
    return encode({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message} | data})


def result_of(text: bytes) -> Any:
    """Return the result in an answer that :func:`answer` has made.

    :raises NetdError: the error that :func:`failure` has put into it. A fault of the other daemon's own is an
        :class:`netd.errors.OperationFailed`.
    :raises BadJSON: if *text* is no answer.
    """
    said = decode_object(text)
    error = said.get("error")
    if error is None:
        if "result" not in said:
            raise BadJSON("no answer of JSON-RPC 2.0")
        return said["result"]
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        raise BadJSON("no answer of JSON-RPC 2.0")
    kind = next((kind for kind, code in _CODES if code == error.get("code")), OperationFailed)
    data = error.get("data")
    if issubclass(kind, OperationFailed | NotPermitted):
        raise kind(error["message"], data if isinstance(data, dict) else None)
    raise kind(error["message"])


def notification(method: str, params: object) -> bytes:
    """Return a notification: a message that a console sends without a request.

    :raises BadJSON: if *params* cannot be JSON.
    """
    return b'{"jsonrpc":"2.0","method":"%b","params":%b}' % (method.encode(), encode(params))


def join(answers: list[bytes]) -> bytes:
    """Return the answer to a batch, made of the answers to its requests."""
    return b"[" + b",".join(answers) + b"]"


def _request(value: Any) -> Request:
    if not isinstance(value, dict):
        return Request(None, problem=BadRequest("a request is an object"))
    request_id = value.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int | float | None):
        return Request(None, problem=BadRequest("`id` is a string, a number or null"))
    method, params = value.get("method"), value.get("params", {})
    if value.get("jsonrpc") != "2.0":
        return Request(request_id, problem=BadRequest('a request says "jsonrpc": "2.0"'))
    if not isinstance(method, str):
        return Request(request_id, problem=BadRequest("`method` is a string"))
    if not isinstance(params, dict | list):
        return Request(request_id, problem=BadRequest("`params` is an object or an array"))
    return Request(request_id, method, params, "id" not in value)
