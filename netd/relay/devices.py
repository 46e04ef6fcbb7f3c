"""The devices of one relay: who is connected, under which address, name and aliases, and who was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field, frozen

from netd.bus.subject import token
from netd.codec.length_header import HEADER, encode_frame
from netd.errors import ProtocolError
from netd.interfaces import Cancellable, IPeer
from netd.plaintext import moment
from netd.principal import Principal
from netd.relay.requests import RelayRequest
from netd.relay.results import DeviceFacts
from netd.relay.rules import RelayRules
from netd.relay.target import Target, address_text, parse_target

__all__ = ["DeviceHello", "DeviceLink", "DeviceName", "Devices", "NameHeld", "owner_of"]

HERE = "this machine"

NO_DEVICES = b"|no raspberrypies|"


@frozen
class DeviceHello:
    """What a device of the second dialect says of itself.

    :ivar ping: seconds between two pings that it wants to be sent; None for none.
    """

    name: str = ""
    aliases: tuple[str, ...] = ()
    ping: float | None = None


class NameHeld(ProtocolError):
    """A name that somebody else holds.

    :ivar name: the name, or alias.
    :ivar holder: the connection that has it; None where the configuration keeps it for another host.
    """

    kind = "name held"

    def __init__(self, name: str, why: str, holder: DeviceLink | None) -> None:
        super().__init__(f"the name {name!r} {why}")
        self.name = name
        self.holder = holder


def owner_of(principal: Principal, host: str) -> str:
    """What a connection from *host* is known by: its credential, or else its host; all ways from this machine itself are one."""
    if principal.credential is not None:
        return principal.credential
    return HERE if host in ("", "unix", "::1") or host.startswith("127.") else host


def _field(link: DeviceLink) -> bytes:
    """The target field that names *link* as the list does."""
    return link.address.encode().ljust(HEADER)


@define(eq=False, slots=True)
class DeviceLink:
    """One connection of a device.

    :ivar answers: it speaks the second dialect, and answers.
    :ivar generation: grows with each connection of any device.
    :ivar since: when it connected, in seconds since the epoch.
    :ivar last_seen: when it was last heard, likewise.
    :ivar beat: its next ping, where it has asked for that.
    :ivar owner: who connects; nobody else takes its name over while it is there.
    :ivar name: its name, or ``""``.
    :ivar took_from: the address of the connection whose name it took over, if that one was still there.
    :ivar subject: its token in subjects.
    :ivar sent_subject: the subject of what is sent to it.
    :ivar requests: those that it has not answered yet, by id; None until there is one.
    """

    peer: IPeer
    host: str
    port: int
    generation: int
    since: float
    owner: str = ""
    answers: bool = False
    name: str = ""
    aliases: tuple[str, ...] = ()
    is_online: bool = True
    last_seen: float = 0.0
    beat: Cancellable | None = None
    requests: dict[int, RelayRequest] | None = None
    took_from: str = ""
    subject: str = field(init=False)
    sent_subject: str = field(init=False, default="")
    _waiting: list[Callable[[], None]] | None = None

    def __attrs_post_init__(self) -> None:
        self.subject = self.name or token(self.address)
        self.last_seen = self.since

    @property
    def address(self) -> str:
        """Its address as old programs print it."""
        return address_text(self.host, self.port)

    @property
    def label(self) -> str:
        """What people call it: its name, or its address."""
        return self.name or self.address

    @property
    def short_label(self) -> str:
        """What it is called where a comma may not be: its name, or ``host:port``."""
        return self.name or f"{self.host}:{self.port}"

    @property
    def is_clear(self) -> bool:
        """Whether nothing that was sent to it waits any more: the operating system has taken it, or the connection is lost."""
        return self.peer.is_flushed or not self.is_online

    def when_clear(self, callback: Callable[[], None], after_turn: Callable[[Callable[[], None]], None]) -> None:
        """Call *callback* once, when :attr:`is_clear` may have become true.

        :param after_turn: where to wait while the device is not full: what was sent to it in this turn is then taken at its end.
        """
        if not self.peer.is_full:
            after_turn(callback)
            return
        if self._waiting is None:
            self._waiting = []
        self._waiting.append(callback)

    def cleared(self) -> None:
        """Call what :meth:`when_clear` was given, unless the device is still full. From the connection's shell."""
        if self._waiting is not None and not (self.is_online and self.peer.is_full):
            waiting, self._waiting = self._waiting, None
            for callback in waiting:
                callback()

    def describe(self) -> DeviceFacts:
        """Facts about it."""
        return DeviceFacts(
            self.name,
            self.address,
            self.is_online,
            self.generation,
            self.since,
            self.last_seen,
            self.aliases,
            self.answers,
        )


@define(eq=False, slots=True)
class DeviceName:
    """A name that a device has, or had.

    :ivar link: its newest connection; offline when it is not ``is_online``.
    :ivar queue: requests that wait for it to come back.
    """

    link: DeviceLink
    queue: list[RelayRequest] = field(factory=list)


class Devices:
    """All devices of one relay.

    :param wall: the wall clock, in seconds since the epoch.
    :param remembered: how many names of absent devices are kept.
    :ivar version: grows with each change of who is connected under which name, and of the rules.
    """

    def __init__(self, wall: Callable[[], float], rules: RelayRules, remembered: int = 10_000) -> None:
        self._wall = wall
        self._remembered = remembered
        self.version = 0
        self.follow(rules)
        self._generation = int(wall())
        self._online: dict[tuple[str, int], DeviceLink] = {}
        self._fields: dict[bytes, DeviceLink] = {}  # of those that controllers have named so: they need no parsing again
        self._names: dict[str, DeviceName] = {}
        self._aliases: dict[str, str] = {}

    def follow(self, rules: RelayRules) -> None:
        """Go by *rules* from now on: for devices that connect, and for lists. Devices that are connected keep their names."""
        self._named_hosts = dict(rules.host_names or ())
        self._host_names = {host: name for name, host in self._named_hosts.items()}
        self._list_names = rules.list_format == "names"
        self._listed: bytes | None = None
        self.version += 1

    def __len__(self) -> int:
        return len(self._online)

    def __iter__(self) -> Iterator[DeviceLink]:
        """The devices that are connected, oldest connection first."""
        return iter(self._online.values())

    @property
    def listed(self) -> bytes:
        """The answer to a list event, as a frame: each connected device followed by a comma. Made once for each change."""
        if self._listed is None:
            items = "".join(f"{link.short_label if self._list_names else link.address}," for link in self)
            self._listed = encode_frame(items.encode() or NO_DEVICES)
        return self._listed

    def connect(
        self, peer: IPeer, host: str, port: int, hello: DeviceHello | None, owner: str | None = None
    ) -> tuple[DeviceLink, DeviceLink | None]:
        """Take a device in.

        :param hello: what it said, for a device of the second dialect.
        :param owner: who connects; whoever is at *host* where that is left out.
        :returns: its link, and the link whose name it took over, if that one was still connected.
        :raises NameHeld: when it says a name that somebody else holds.
        """
        owner = owner_of(peer.principal, host) if owner is None else owner
        if hello is not None:
            self._check_names(hello, host, owner)
        self._generation += 1
        name = self.name_at(host, hello)
        aliases = hello.aliases if hello else ()
        link = DeviceLink(peer, host, port, self._generation, self._wall(), owner, hello is not None, name, aliases)
        self._online[host, port] = link
        self._listed = None
        self.version += 1
        return link, self._take_name(link) if name else None

    def name_at(self, host: str, hello: DeviceHello | None) -> str:
        """The name that a device at *host* comes to have by its *hello*, or by the configuration; ``""`` for none."""
        return hello.name if hello else self._host_names.get(host, "")

    def disconnect(self, link: DeviceLink) -> bool:
        """Take a device out.

        :returns: whether it is away now; one that lost its name to a newer connection is not.
        """
        link.is_online = False
        self.version += 1
        link.last_seen = self._wall() - link.peer.silence()
        if self._online.get((link.host, link.port)) is link:
            del self._online[link.host, link.port]
            self._listed = None
        self._fields.pop(_field(link), None)
        name = self._names.get(link.name)
        self._trim()
        return name is None or name.link is link

    def find(self, field: bytes) -> DeviceLink | None:
        """The connected device that a target field names, exactly.

        :raises netd.relay.target.MalformedTarget: when the field can name nothing.
        """
        link = self._fields.get(field)
        if link is None:
            link = self.resolve(parse_target(field))
            if link is not None and field == _field(link):
                self._fields[field] = link
        return link

    def resolve(self, target: Target) -> DeviceLink | None:
        """The connected device that *target* names."""
        if target.address is not None:
            return self._online.get(target.address)
        name = self.name_of(target.text)
        return name.link if name is not None and name.link.is_online else None

    def subject_of(self, target: Target) -> str:
        """The token in subjects of the device that *target* names, or would, if it were known."""
        link, name = self.resolve(target), self.name_of(target.text)
        if link is None and name is not None:
            link = name.link
        if link is not None:
            return link.subject
        return token(target.text if target.address is None else address_text(*target.address))

    def name_of(self, text: str) -> DeviceName | None:
        """What is known of the name or alias *text*, connected or not."""
        return self._names.get(text) or self._names.get(self._aliases.get(text, ""))

    def absent(self) -> Iterator[DeviceLink]:
        """The last connections of named devices that are away."""
        return (name.link for name in self._names.values() if not name.link.is_online)

    def forget(self, name: DeviceName) -> None:
        """Know nothing of *name* any more; its device is away."""
        del self._names[name.link.name]
        self._forget_aliases(name.link)

    def _check_names(self, hello: DeviceHello, host: str, owner: str) -> None:
        for name in (hello.name, *hello.aliases) if hello.name else ():
            kept_for = self._named_hosts.get(name, host)
            if kept_for != host:
                raise NameHeld(name, f"is kept for the device at {kept_for}, by `host_names`", None)
            known = self.name_of(name)
            if known is not None and known.link.is_online and known.link.owner != owner:
                holder = known.link
                raise NameHeld(name, f"is held by the device at {holder.address} since {moment(holder.since)}", holder)

    def _take_name(self, link: DeviceLink) -> DeviceLink | None:
        before = self._names.pop(link.name, None)
        if before is not None:
            self._forget_aliases(before.link)
        self._names[link.name] = DeviceName(link, before.queue if before else [])
        for alias in link.aliases:
            self._aliases[alias] = link.name
        if before is None or not before.link.is_online or not link.answers:
            return None
        return before.link

    def _trim(self) -> None:
        if len(self._names) <= self._remembered + len(self._online):
            return
        oldest = next((text for text, name in self._names.items() if not name.link.is_online and not name.queue), None)
        if oldest is not None:
            self._forget_aliases(self._names.pop(oldest).link)

    def _forget_aliases(self, link: DeviceLink) -> None:
        for alias in link.aliases:
            if self._aliases.get(alias) == link.name:
                del self._aliases[alias]
