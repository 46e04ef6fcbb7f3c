"""The table of operations: everything that consoles (control socket, manhole, gateway, command line) can do.

A service declares its operations once, as annotated functions, and every console is generated from the table. The table holds
names, roles and help. It knows no wire format: ``netd.console`` checks arguments and speaks JSON-RPC.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import typing
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping

from attrs import define, field, frozen

from netd.errors import InvalidArguments, NetdError, NoSuchOperation
from netd.principal import Action, Identified, Kind, Principal, Role, check, may

if typing.TYPE_CHECKING:
    from netd.secrets.tries import Tries

__all__ = [
    "EVERYWHERE",
    "MAIN",
    "NO_DEFAULT",
    "Argument",
    "Caller",
    "CallerLink",
    "CallerSession",
    "OfferedTwice",
    "Operation",
    "OperationSignature",
    "OperationTable",
    "Role",
    "default_instance",
    "node_of",
]

MAIN = "main"
"""The instance name of a section without one: ``[relay]`` is instance ``main`` of kind ``relay``."""

EVERYWHERE = "@"
"""Stands where the name of an instance does, for an operation about the services of all nodes of a cluster. Calls that name no
instance go to it. It is not listed among the instances."""

MOST_NAMED = 20
"""Instances that an error names."""


class CallerLink(typing.Protocol):
    """A caller's connection that stays open, over which it can be sent notifications."""

    @property
    def principal(self) -> Principal:
        """The principal of the connection."""

    @property
    def is_full(self) -> bool:
        """Whether the caller does not read at the moment, so that notifications wait."""

    def prove(self, principal: Principal) -> None:
        """Note that the caller has proved to be *principal*. That replaces the principal before, until the connection ends."""

    def notify(self, method: str, params: object) -> None:
        """Send the caller a JSON-RPC notification."""

    def probe(self) -> None:
        """Check that the caller is still there. A connection without a sign of life is lost within 5 s."""

    @property
    def reason(self) -> str | None:
        """The reason why the connection ended; None if the caller closed it."""

    def silence(self) -> float:
        """Seconds since the last byte from the caller."""

    def when_lost(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call *callback* when the connection is lost. Returns a function that cancels this."""


class CallerSession(typing.Protocol):
    """A browser's session, of which the caller's connection brought the cookie half."""

    def prove(self, page: str) -> Principal:
        """Return the principal of the session, as *page* is its page key.

        :raises netd.errors.NotPermitted: if that is not so, or the session has ended.
        """

    def use(self) -> None:
        """Note that a person uses the session now, so that it goes on."""

    def left(self) -> tuple[float, float] | None:
        """Return the seconds until the session ends at the latest, and if it is not used; None before a login."""


CALL = Action("the operation", Role.NOBODY)
"""The action of a :class:`Caller` that has not passed a dispatcher; the function alone checks it."""


@define(eq=False)
class Caller:
    """The caller of an operation. A function receives it in an argument that is annotated with this class.

    :ivar connection: the connection, which has the caller's principal; a login replaces that.
    :ivar origin: the console and the address of the caller, for the log.
    :ivar host: the address of the caller; empty on this machine without TCP.
    :ivar link: the connection for notifications; None if it ends with the answer.
    :ivar tries: counts its wrong tokens; None if it cannot log in.
    :ivar action: the called operation.
    :ivar session: the browser's session; None for all other callers.
    """

    connection: Identified
    origin: str
    host: str = ""
    link: CallerLink | None = None
    tries: Tries | None = None
    action: Action = CALL
    session: CallerSession | None = None

    @property
    def number(self) -> int | None:
        """The number of the connection in the log; None where it has none."""
        return getattr(self.connection, "number", None)

    @property
    def principal(self) -> Principal:
        """The principal of the connection, as it is at this moment."""
        return self.connection.principal

    @property
    def who(self) -> str:
        """Principal and origin, as log, events and the audit name a caller: ``user root, control socket``."""
        return ", ".join(filter(None, (str(self.principal), self.origin)))

    @property
    def lasting_link(self) -> CallerLink:
        """The connection, for the function of a lasting operation: only callers whose connection stays may call it."""
        assert self.link is not None, "the dispatcher has seen to it"
        return self.link

    def calling(self, action: Action) -> Caller:
        """The same caller, for the function of the operation that is *action*."""
        return Caller(self.connection, self.origin, self.host, self.link, self.tries, action, self.session)

    def may(self, subject: str) -> bool:
        """Return True if the caller may do what it calls to everything under *subject*, which may be a pattern.

        :raises ValueError: when *subject* is no pattern.
        """
        return may(self.principal, self.action, subject)

    def check(self, subject: str) -> None:
        """Raise an error unless :meth:`may` is True.

        :raises NotPermitted: naming the subjects that the operation takes, and those that the caller has.
        """
        check(self.principal, self.action, subject)


class _NoDefault(enum.Enum):
    NO_DEFAULT = enum.auto()


NO_DEFAULT = _NoDefault.NO_DEFAULT
"""The default of an argument that must be given."""


@frozen
class Argument:
    """One argument of an operation, from the signature of its function.

    :ivar type: the annotation, e.g. ``str``, ``float | None``, ``list[int]``.
    """

    name: str
    type: object
    default: object = NO_DEFAULT

    @property
    def is_required(self) -> bool:
        return self.default is NO_DEFAULT


def node_of(instance: str) -> str:
    """Return the node that *instance* runs on, ``B`` for ``main@B``; empty for this one."""
    return instance.partition("@")[2]


def default_instance(instances: Collection[str], node: str = "") -> str | None:
    """The instance for calls that name none: ``main``, or else the only one; None if neither exists.

    :param node: only its instances count; by default those of this node, so that another node never changes what a call means.
    """
    main = f"{MAIN}@{node}" if node else MAIN
    if main in instances:
        return main
    its = [instance for instance in instances if node_of(instance) == node and instance != EVERYWHERE]
    return its[0] if len(its) == 1 else None


@frozen
class OperationSignature:
    """What callers pass to an operation, and what they get.

    :ivar arguments: the arguments for callers.
    :ivar caller: name of the argument that takes the :class:`Caller`; None without one.
    :ivar result: the type of the result; ``object`` if nothing is known of it.
    """

    arguments: tuple[Argument, ...]
    caller: str | None
    result: object


def _signature(function: Callable[..., object]) -> OperationSignature:
    """Return the signature of an annotated *function*."""
    hints = typing.get_type_hints(function, include_extras=True)
    return OperationSignature(*_arguments(function, hints), _result(hints.get("return", object)))


def _arguments(function: Callable[..., object], hints: Mapping[str, object]) -> tuple[tuple[Argument, ...], str | None]:
    arguments, caller = [], None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise ValueError(f"{function.__qualname__}: argument {parameter.name} has no annotation")
        if hints[parameter.name] is Caller:
            caller = parameter.name
            continue
        default = NO_DEFAULT if parameter.default is parameter.empty else parameter.default
        arguments.append(Argument(parameter.name, hints[parameter.name], default))
    return tuple(arguments), caller


def _result(annotation: object) -> object:
    """The type of a result. For a Deferred or another awaitable, the type of its value."""
    origin = typing.get_origin(annotation)
    is_awaited = isinstance(origin, type) and issubclass(origin, Awaitable)
    return typing.get_args(annotation)[-1] if is_awaited else annotation


@frozen(eq=False)
class Operation:
    """An operation that consoles can call.

    :ivar name: ``noun.verb``, e.g. ``relay.send``.
    :ivar function: takes the arguments by name. Returns an attrs object, a list of them, or any other value that JSON can
        express, or a Deferred or a coroutine of one. Raises :class:`netd.errors.OperationFailed` for errors that the caller
        should read.
    :ivar role: the least role that may call it.
    :ivar summary: one line of help.
    :ivar checks_subjects: the function itself sees to it, by :meth:`Caller.may`, that callers who are confined to some subjects
        reach no others. Without, such a caller needs all subjects of the service.
    :ivar spans_services: it is about the subjects of all services, and the function checks them: callers who are confined may
        call it, whichever subjects they have.
    :ivar kind: the kind of service that offers it; the noun, unless another is given, as ``recorder`` for ``history.query``.
    :ivar is_lasting: its effect lasts as long as the caller's connection, so that it needs one that stays open.
    :ivar describe_result: returns the JSON Schema of the result, if the annotation of the function cannot express it.
    :ivar kinds: the kinds of programs that may call it without a role.
    :ivar signature: arguments and result, by default those of the function's annotations.
    :ivar arguments: the arguments for callers.
    :ivar caller: name of the argument that takes the :class:`Caller`; None without one.
    :ivar action: the action that callers must be permitted.
    :ivar result: the type of the result; ``object`` if the function has no annotation for it.
    """

    name: str
    function: Callable[..., object]
    role: Role
    summary: str
    checks_subjects: bool = field(default=False, kw_only=True)
    spans_services: bool = field(default=False, kw_only=True)
    kind: str = field(kw_only=True)
    is_lasting: bool = field(default=False, kw_only=True)
    describe_result: Callable[[], dict[str, typing.Any]] | None = field(default=None, kw_only=True)
    kinds: frozenset[Kind] = field(default=frozenset(), kw_only=True)
    signature: OperationSignature = field(kw_only=True, repr=False)
    arguments: tuple[Argument, ...] = field(init=False)
    caller: str | None = field(init=False)
    action: Action = field(init=False)
    result: object = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "action", Action(self.name, self.role, self.kinds))
        object.__setattr__(self, "arguments", self.signature.arguments)
        object.__setattr__(self, "caller", self.signature.caller)
        object.__setattr__(self, "result", self.signature.result)

    @kind.default
    def _kind_of_the_noun(self) -> str:
        return self.name.partition(".")[0]

    @signature.default
    def _signature_of_the_function(self) -> OperationSignature:
        return _signature(self.function)


def _nearest_first(instance: str) -> tuple[bool, str]:
    return "@" in instance, instance


def _chosen(instances: Mapping[str, Operation], wanted: object) -> object:
    """Return the instance that a call means; anything else than the name of an instance if there is none."""
    if wanted is None:
        return EVERYWHERE if EVERYWHERE in instances else default_instance(instances)
    if isinstance(wanted, str) and wanted.startswith("@"):
        return default_instance(instances, wanted[1:])
    return wanted


class OfferedTwice(NetdError):
    """Two services offer an operation of the same name under the same instance: callers could not tell them apart."""

    def __init__(self, operation: Operation, taken: Operation, instance: str) -> None:
        super().__init__(
            f"{operation.name} of the instance {instance} is offered twice, by the kinds {taken.kind} and {operation.kind}; "
            "give one of the two sections a name of its own, [kind:NAME]"
        )


class OperationTable:
    """All operations of one daemon, by name and instance.

    Two relays (``[relay]`` and ``[relay:lab2]``) both offer ``relay.send``: callers choose with the extra argument
    ``instance``.  Left out, it means ``main``, or the only instance that there is. In a cluster, what runs on node B is the
    instance ``main@B``, and ``@B`` means the instance that a call without one would mean there.

    :param sections: the section that offers the operations whose names begin with a word, for each such word.
    :ivar node: the name of this node in a cluster, by which calls may name it, too; empty without one.
    """

    def __init__(self, sections: Mapping[str, str] | None = None) -> None:
        self._operations: dict[str, dict[str, Operation]] = {}
        self._sections = sections or {}
        self._watchers: list[Callable[[str], object]] = []
        self.node = ""
        self._absent: Callable[[str], str] = lambda node: ""

    def watch(self, changed: Callable[[str], object]) -> None:
        """Call *changed* with the name of an instance whose operations have changed."""
        self._watchers.append(changed)

    def use_nodes(self, absent: Callable[[str], str]) -> None:
        """Have *absent* tell why nothing can be called on a node; it returns an empty text where that is possible."""
        self._absent = absent

    def add(self, operations: Iterable[Operation], instance: str = MAIN) -> None:
        """Offer *operations* under *instance*.

        :raises OfferedTwice: when that instance already offers one of that name.
        """
        self.replace((), operations, instance)

    def check(self, operations: Iterable[Operation], instance: str) -> None:
        """Make sure that *operations* can be added under *instance*.

        :raises OfferedTwice: when that instance already offers one of that name.
        """
        for operation in operations:
            taken = self._operations.get(operation.name, {}).get(instance)
            if taken is not None:
                raise OfferedTwice(operation, taken, instance)

    def replace(self, before: Iterable[Operation], after: Iterable[Operation], instance: str = MAIN) -> None:
        """Offer *after* under *instance*, in place of *before*; nobody sees a table in between.

        :raises OfferedTwice: when that instance already offers one of that name; nothing has changed then.
        """
        before, after = list(before), list(after)
        operations = dict(self._operations)
        for name in {operation.name for operation in (*before, *after)}:
            operations[name] = dict(operations.get(name, {}))
        for operation in before:
            del operations[operation.name][instance]
        for operation in after:
            instances = operations[operation.name]
            if instance in instances:
                raise OfferedTwice(operation, instances[instance], instance)
            instances[instance] = operation
        self._operations = {name: instances for name, instances in operations.items() if instances}
        for changed in self._watchers:
            changed(instance)

    def remove(self, instance: str) -> None:
        """Offer nothing more under *instance*."""
        self.replace([found[instance] for found in self._operations.values() if instance in found], (), instance)

    def __iter__(self) -> Iterator[tuple[Operation, tuple[str, ...]]]:
        """Each operation by name, with the instances that offer it; of several, as an instance of this node offers it."""
        for name in sorted(self._operations):
            instances = self._operations[name]
            offered = tuple(sorted(instance for instance in instances if instance != EVERYWHERE))
            if offered:
                yield instances[default_instance(offered) or min(offered, key=_nearest_first)], offered

    def meant(self, name: str) -> str | None:
        """Return the instance that a call of *name* without one goes to; None if it has to name one."""
        chosen = _chosen(self._operations.get(name, {}), None)
        return chosen if isinstance(chosen, str) else None

    def offering(self, name: str) -> Mapping[str, Operation]:
        """Return the operation *name* of each instance that offers it."""
        return self._operations.get(name, {})

    def is_open_to_all(self, name: str) -> bool:
        """Return True if callers without any role may call *name*."""
        instances = self._operations.get(name, {})
        return any(operation.role is Role.NOBODY for operation in instances.values())

    def find(self, name: str, parameters: Mapping[str, object]) -> tuple[Operation, str, dict[str, object]]:
        """The operation to call, its instance, and *parameters* without ``instance``.

        :raises NoSuchOperation: naming similar operations, or the section that is missing.
        :raises InvalidArguments: if ``instance`` is missing where it is needed, or names no instance.
        """
        instances = self._operations.get(name)
        if instances is None:
            raise NoSuchOperation(f"no operation {name!r}{self._instead(name)}")
        rest = dict(parameters)
        wanted = rest.pop("instance", None)
        chosen = self._own(instances, wanted) or _chosen(instances, wanted)
        operation = instances.get(chosen) if isinstance(chosen, str) else None
        if operation is not None:
            return operation, str(chosen), rest
        absent = self._absent(node_of(wanted)) if isinstance(wanted, str) and node_of(wanted) else ""
        if absent:
            raise InvalidArguments(f"no instance {wanted!r:.80}: {absent}")
        offered = sorted(instance for instance in instances if instance != EVERYWHERE and not self._is_absent(instance))
        some = ", ".join(offered[:MOST_NAMED]) + (f" and {len(offered) - MOST_NAMED} more" if len(offered) > MOST_NAMED else "")
        if wanted is None:
            raise InvalidArguments(f"instance: {name} has the instances {some}; say which")
        there_are = f"there are {some}" if len(offered) > 1 else f"there is only {some or 'the one about all nodes'}"
        is_alone = "cluster.nodes" not in self._operations and not any(map(node_of, offered))
        if isinstance(wanted, str) and "@" in wanted and is_alone:
            there_are = "this node is in no cluster: a section [cluster] makes it a member, after a restart"
        raise InvalidArguments(f"no instance {wanted!r:.80}; {there_are}")

    def _own(self, instances: Mapping[str, Operation], wanted: object) -> str | None:
        """Return the instance that *wanted* means if it names this node, as calls at other nodes do; None if it does not."""
        if not self.node or not isinstance(wanted, str) or node_of(wanted) != self.node:
            return None
        return wanted.partition("@")[0] or default_instance(instances)

    def _is_absent(self, instance: str) -> bool:
        node = node_of(instance)
        return bool(node and self._absent(node))

    def _instead(self, name: str) -> str:
        """Return what to do, as there is no operation *name*."""
        service = name.partition(".")[0]
        section = self._sections.get(service)
        if section is not None and not any(one.startswith(f"{service}.") for one in self._operations):
            return f": no section [{section}] runs; add one to the configuration of netd, then `netd reload`"
        near = difflib.get_close_matches(name, self._operations, 3)
        return f" (did you mean {' or '.join(near)}?)" if near else ""
