"""Descriptions of the arguments and results of operations and commands, for consoles."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.codec.jsontext import BadJSON, encode
from netd.codec.jsontypes import ABSENT, Absent, result_schema, schema
from netd.codec.units import Schema
from netd.operations import Argument, Operation

__all__ = ["ArgumentFacts", "describe_argument", "describe_result"]


@frozen(slots=False)
class ArgumentFacts:
    """One argument of an operation or command.

    :ivar default: absent if the argument is required, or if JSON cannot express its default.
    """

    name: str
    required: bool
    schema: Schema
    default: Any | Absent = ABSENT


def describe_argument(argument: Argument) -> ArgumentFacts:
    """Describe *argument*."""
    described = schema(argument.type)
    if argument.is_required:
        return ArgumentFacts(argument.name, True, described)
    try:
        encode(argument.default)
    except BadJSON:
        return ArgumentFacts(argument.name, False, described)
    return ArgumentFacts(argument.name, False, described, argument.default)


def describe_result(operation: Operation) -> dict[str, Any]:
    """The JSON Schema of the result of *operation*."""
    return result_schema(operation.result) if operation.describe_result is None else operation.describe_result()
