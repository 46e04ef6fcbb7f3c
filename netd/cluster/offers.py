"""Operations of other nodes: told by each node with all that its callers need to know, and made into operations of this one.

The arguments are checked by the node that carries the operation out. Here they are any JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from attrs import define, field

from netd.codec.arguments import ArgumentFacts, describe_argument, describe_result
from netd.codec.jsontext import encode
from netd.codec.jsontypes import DescribedType, bind
from netd.codec.units import Schema
from netd.errors import InvalidArguments, ProtocolError
from netd.message import NAME
from netd.operations import NO_DEFAULT, Argument, Operation, OperationSignature, OperationTable, Role

__all__ = ["CALLER", "BadOffer", "OperationOffers", "RemoteOperation", "offers_of"]

CALLER = "caller of the operation"
"""The argument that takes the caller. No argument of JSON has such a name by chance."""

MOST_INSTANCES = 1000
"""Instances of one operation on one node."""

_ROLES = {role.name.lower(): role for role in Role}

_OFFER = (
    Argument("name", str),
    Argument("kind", str),
    Argument("role", str),
    Argument("summary", str),
    Argument("checks_subjects", bool),
    Argument("spans_services", bool),
    Argument("arguments", list[ArgumentFacts]),
    Argument("result", dict[str, Any]),
    Argument("instances", list[str]),
)


class BadOffer(ProtocolError):
    """The description of an operation cannot be read."""

    kind = "bad description of an operation"


def offers_of(table: OperationTable) -> list[dict[str, Any]]:
    """Return the operations of this node, as other nodes are told of them.

    An operation whose effect hangs on the connection of its caller is not told: no connection leads from there to here.
    """
    found = ((one, [name for name in instances if "@" not in name]) for one, instances in table)
    return [
        {
            "name": operation.name,
            "kind": operation.kind,
            "role": operation.role.name.lower(),
            "summary": operation.summary,
            "checks_subjects": operation.checks_subjects,
            "spans_services": operation.spans_services,
            "arguments": [describe_argument(argument) for argument in operation.arguments],
            "result": describe_result(operation),
            "instances": own,
        }
        for operation, own in found
        if own and not operation.is_lasting
    ]


@define(eq=False, slots=True, weakref_slot=True)
class RemoteOperation:
    """An operation as nodes offer it, whichever these are.

    :ivar facts: what was told of it, without its instances.
    """

    name: str
    kind: str
    role: Role
    summary: str
    signature: OperationSignature
    result: Schema
    checks_subjects: bool
    spans_services: bool

    def operation(self, function: Callable[..., object]) -> Operation:
        """Return an operation of this node, carried out by *function*."""
        return Operation(
            self.name,
            function,
            self.role,
            self.summary,
            checks_subjects=self.checks_subjects,
            spans_services=self.spans_services,
            kind=self.kind,
            describe_result=self._describe,
            signature=self.signature,
        )

    def _describe(self) -> dict[str, Any]:
        return self.result


@define(eq=False)
class OperationOffers:
    """Reads what other nodes offer. Nodes of one version offer the same: it is kept once."""

    _known: WeakValueDictionary[bytes, RemoteOperation] = field(factory=WeakValueDictionary, init=False)

    def read(self, told: Iterable[object]) -> list[tuple[RemoteOperation, list[str]]]:
        """Return each operation in *told*, with its instances.

        :raises BadOffer: if one of them cannot be read, or is told twice.
        """
        found = [self._read(one) for one in told]
        places = [(remote.name, instance) for remote, instances in found for instance in instances]
        if len(set(places)) < len(places):
            raise BadOffer("one of them is told twice")
        return found

    def _read(self, told: object) -> tuple[RemoteOperation, list[str]]:
        if not isinstance(told, Mapping):
            raise BadOffer("an operation is described by an object")
        try:
            known = bind(_OFFER, {one.name: told[one.name] for one in _OFFER if one.name in told})
        except InvalidArguments as error:
            raise BadOffer(str(error)) from None
        instances = known.pop("instances")
        name, kind, summary = known["name"], known["kind"], known["summary"]
        if name.count(".") != 1 or not all(map(NAME.fullmatch, (*name.split("."), kind))) or not summary.isprintable():
            raise BadOffer(f"{name!r:.80} is no name of an operation, {kind!r:.80} none of a kind, or its summary is no line")
        if len(instances) > MOST_INSTANCES or not all(map(NAME.fullmatch, instances)):
            raise BadOffer(f"the instances of {name!r:.80} are too many, or have no names")
        if known["role"] not in _ROLES:
            raise BadOffer(f"no role {known['role']!r:.80}")
        text = encode(known)
        operation = self._known.get(text)
        if operation is None:
            operation = self._known[text] = _made(known)
        return operation, instances


def _made(known: Mapping[str, Any]) -> RemoteOperation:
    arguments = tuple(_argument(one) for one in known["arguments"])
    return RemoteOperation(
        known["name"],
        known["kind"],
        max(Role.VIEWER, _ROLES[known["role"]]),  # no stranger's call leaves this node
        known["summary"],
        OperationSignature(arguments, CALLER, object),
        known["result"],
        known["checks_subjects"],
        known["spans_services"],
    )


def _argument(told: ArgumentFacts) -> Argument:
    default = NO_DEFAULT if told.required else told.default
    return Argument(told.name, DescribedType(told.schema), default)
