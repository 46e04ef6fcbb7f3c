"""Python types as JSON Schema, and JSON values converted to Python types.

Both serve the arguments and results of operations, whose types are annotations. Besides :mod:`netd.codec.jsontext`, this is the
only module that knows which library does it.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec
from attrs import frozen

from netd.codec.jsontext import BadJSON
from netd.errors import InvalidArguments, text_of
from netd.operations import Argument

__all__ = [
    "ABSENT",
    "Absent",
    "DescribedType",
    "JSONText",
    "bind",
    "check_type",
    "described",
    "read_as",
    "reader",
    "result_schema",
    "schema",
]

ABSENT = msgspec.UNSET
"""The value of a member that is left out of the JSON object."""

Absent = msgspec.UnsetType
"""The type of :data:`ABSENT`: ``error: str | Absent = ABSENT``."""

JSONText = msgspec.Raw
"""A part of a JSON text that is kept as it is: its ``bytes``. It is checked, but that it is UTF-8 and how deep it is."""


@frozen(eq=False)
class DescribedType:
    """A type of which only the JSON Schema is known: any value is taken, and another node checks it."""

    schema: dict[str, Any]


_WANTED = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_GIVEN = _WANTED | {"float": "a fraction"}
"""The names of types in messages for people: of the type that is wanted, and of the one that was given."""


def described(**keywords: object) -> object:
    """Further *keywords* of JSON Schema for a type, for use in ``Annotated``:
    ``Seconds = Annotated[float, described(format="seconds")]``.
    """
    return msgspec.Meta(extra_json_schema=keywords)


def reader(annotation: Any) -> Callable[[bytes], Any]:
    """Return a function that reads JSON of the type *annotation*, for what comes often. It raises :class:`BadJSON`.

    A :class:`~typing.NamedTuple` is an array, in which members with a default may be missing at the end; an attrs class is an
    object, of which unknown members are ignored.
    """
    read = msgspec.json.Decoder(annotation).decode

    def checked(text: bytes) -> Any:
        try:
            return read(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadJSON(f"not JSON of the kind: {error}") from None

    return checked


def check_type(annotation: object) -> None:
    """Make sure that a JSON value can be of the type *annotation*.

    :raises TypeError: if a part of it is a class for which there is no JSON value.
    """
    msgspec.json.schema(annotation, schema_hook=_object_alone)


def _object_alone(kind: type) -> dict[str, Any]:
    if kind is not object:
        raise TypeError(f"JSON has no {kind.__name__}")
    return {"title": "object"}


def schema(annotation: object) -> dict[str, Any]:
    """The JSON Schema of the type *annotation*; ``{}`` for any value. A class without JSON form has a title only.

    The schema has no references: each class is described where it is used. Where a class contains itself, the inner one is any
    value.
    """
    if annotation is object:
        return {}
    if isinstance(annotation, DescribedType):
        return annotation.schema
    try:
        return _schema(annotation)
    except TypeError:  # the annotation has no hash, or is not a type
        return _schema.__wrapped__(annotation)


@functools.lru_cache(maxsize=512)
def _schema(annotation: object) -> dict[str, Any]:
    made = msgspec.json.schema(annotation, schema_hook=lambda kind: {"title": kind.__name__})
    definitions = made.pop("$defs", {})
    inlined: dict[str, Any] = _inlined(made, definitions)
    return inlined


def result_schema(annotation: object) -> dict[str, Any]:
    """Like :func:`schema`, for results: a union may have several classes.

    An annotation that is not a JSON type, which a third party may write, is any value.
    """
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return {"anyOf": [result_schema(one) for one in typing.get_args(annotation)]}
    try:
        return schema(annotation)
    except TypeError:
        return {}


def _inlined(part: Any, definitions: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """*part* of a schema with each reference replaced by the definition of the class."""
    if isinstance(part, list):
        return [_inlined(one, definitions, within) for one in part]
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix("#/$defs/")
        return {} if name in within else _inlined(_without_fields(definitions[name]), definitions, (*within, name))
    return {name: _inlined(one, definitions, within) for name, one in part.items()}


def _without_fields(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition of a class with the first paragraph of its docstring as description; the rest is for programmers."""
    if "description" not in definition:
        return definition
    first = inspect.cleandoc(definition["description"]).partition("\n\n")[0]
    return definition | {"description": " ".join(first.split())}


def bind(arguments: tuple[Argument, ...], parameters: dict[str, Any]) -> dict[str, Any]:
    """Check *parameters*, convert them to the types of *arguments*, and add defaults.

    :raises InvalidArguments: naming the argument that is missing, unknown or of the wrong type.
    """
    if parameters:
        _check_names(arguments, parameters)
    bound = {}
    for argument in arguments:
        name = argument.name
        if name in parameters:
            value = parameters[name]
            bound[name] = value if type(value) is argument.type else _convert(argument, value)
        elif argument.is_required:
            raise InvalidArguments(f"{name}: this argument is missing")
        else:
            bound[name] = argument.default
    return bound


def read_as(annotation: Any, value: object) -> Any:
    """Return the plain *value*, which another node has sent, as the type *annotation*. Members that it does not know are ignored.

    :raises InvalidArguments: if *value* is none of that type.
    """
    try:
        return msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        raise InvalidArguments(str(error)) from None


def _check_names(arguments: tuple[Argument, ...], parameters: dict[str, Any]) -> None:
    known = {argument.name for argument in arguments}
    if not parameters.keys() <= known:
        unknown = next(name for name in parameters if name not in known)
        raise InvalidArguments(f"{unknown}: no such argument; there are: {', '.join(sorted(known)) or 'none'}")


def _convert(argument: Argument, value: object) -> object:
    if argument.type is object or argument.type is Any or isinstance(argument.type, DescribedType):
        return value
    try:
        return msgspec.convert(value, argument.type)
    except msgspec.ValidationError as error:
        raise InvalidArguments(f"{argument.name}{_in_words(str(error), argument.type)}") from None
    except Exception as error:  # a class of the user's may raise anything
        raise InvalidArguments(f"{argument.name}: {text_of(error)}") from None


def _in_words(refusal: str, annotation: object) -> str:
    """The message of msgspec about a value that is not of the type *annotation*, with plain words for Python's type names."""
    said, _, place = refusal.partition(" - at `$")
    expected, comma, got = said.partition(", got `")
    if expected.startswith("Expected `"):
        kinds, _, rest = expected.removeprefix("Expected `").partition("`")
        named = " or ".join(_WANTED.get(kind, kind) for kind in kinds.split(" | "))
        given = got.rstrip("`")
        said = f"must be {named}{rest}" + (f", not {_GIVEN.get(given, given)}" if comma else "")
    elif said.startswith("Invalid enum value "):
        said = f"{said.removeprefix('Invalid enum value ')} is none of {', '.join(_choices(schema(annotation)))}"
    return f"{place.rstrip('`')}: {said}"


def _choices(part: Any) -> list[str]:
    """The values in all enumerations of a JSON Schema."""
    if isinstance(part, list):
        return [choice for one in part for choice in _choices(one)]
    if not isinstance(part, dict):
        return []
    listed = [str(choice) for choice in part.get("enum", ())]
    return listed + [choice for name, one in part.items() if name != "enum" for choice in _choices(one)]
