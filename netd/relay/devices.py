"""The devices of one relay: who is connected, under which address, name and aliases, and who was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address

from attrs import define, field, frozen

from netd.bus.subject import token
from netd.codec.length_header import HEADER, encode_frame
from netd.errors import ProtocolError
from netd.interfaces import IPeer
from netd.plaintext import moment, short_address
from netd.principal import Kind, Principal, Proof
from netd.relay.hosts import DeviceHosts
from netd.relay.requests import RelayRequest
from netd.relay.results import DeviceFacts
from netd.relay.rules import RelayRules
from netd.relay.target import Target, address_text, parse_target
from netd.reserved import NOTHING_RESERVED, Reserves, owns, refusal

__all__ = ["DeviceHello", "DeviceLink", "DeviceName", "Devices", "NameHeld", "owner_in_words", "owner_of"]

HERE = "this machine"

NO_DEVICES = b"|no raspberrypies|"


@frozen
class DeviceHello:
    """The hello of a second-dialect device.

    :ivar ping: the interval in seconds at which it wants to be pinged; None for no pings.
    :ivar token: what proves who it is, if it says so.
    """

    name: str = ""
    aliases: tuple[str, ...] = ()
    ping: float | None = None
    token: str | None = field(default=None, repr=False)


class NameHeld(ProtocolError):
    """A device asked for a name that another one holds.

    :ivar name: the name, or alias.
    :ivar holder: the connection that holds it; None if the configuration keeps it for another host, or a credential has it.
    """

    kind = "name held"

    def __init__(self, name: str, why: str, holder: DeviceLink | None) -> None:
        super().__init__(why)
        self.name = name
        self.holder = holder


def owner_of(principal: Principal, host: str) -> str:
    """Return the owner of a connection: whoever it has proved to be, or else its host.

    A credential counts by its name, because a rotated one has two lines, and a device may show a certificate or a token. All
    addresses of this machine count as one host.
    """
    if principal.credential is not None:
        is_listed = principal.proof in (Proof.TOKEN, Proof.CERTIFICATE, Proof.SESSION)
        return f"{principal.kind.value} {principal.name}" if is_listed else principal.credential
    return HERE if host in ("", "unix", "::1") or host.startswith("127.") else host


def owner_in_words(link: DeviceLink) -> str:
    """Return the owner of a connected device, for other nodes: credentials are secret, and theirs are other ones.

    It is empty for an address that others may have on another node's machine or network: that of loopback, and private ones.
    """
    principal = link.peer.principal
    if principal.credential is not None:
        return str(principal)
    try:
        return link.owner if ip_address(link.owner).is_global else ""
    except ValueError:
        return ""


def _field(link: DeviceLink) -> bytes:
    """Return the target field that names *link* in the spelling of the list."""
    return link.address.encode().ljust(HEADER)


@define(eq=False, slots=True)
class DeviceLink:
    """One connection of a device.

    :ivar answers: whether it speaks the second dialect, and so answers requests.
    :ivar generation: a number that grows with each connection of any device.
    :ivar since: the time at which it connected, in seconds since the epoch.
    :ivar last_seen: the time at which it was heard last, likewise.
    :ivar beat: the beat of its next ping, if it has asked for pings (:mod:`netd.relay.beats`).
    :ivar owner: see :func:`owner_of`. No other owner can take its name while it is connected.
    :ivar name: its name, or ``""``.
    :ivar number: its number among the devices at its host that have no name; 0 if it has one.
    :ivar took_from: the address of the connection whose name it took over, if that one was still connected; for people.
    :ivar subject: its token in subjects.
    :ivar sent_subject: the subject of messages to it; empty before the first.
    :ivar outcome_subject: the subject of their outcomes, likewise.
    :ivar requests: the requests that it has not answered yet, by id; None before the first.
    """

    peer: IPeer
    host: str
    port: int
    generation: int
    since: float
    owner: str = ""
    answers: bool = False
    name: str = ""
    number: int = 0
    aliases: tuple[str, ...] = ()
    is_online: bool = True
    last_seen: float = 0.0
    beat: int = 0
    requests: dict[int, RelayRequest] | None = None
    took_from: str = ""
    subject: str = field(init=False)
    sent_subject: str = field(init=False, default="")
    outcome_subject: str = field(init=False, default="")
    _waiting: list[Callable[[], None]] | None = None

    def __attrs_post_init__(self) -> None:
        self.subject = self.name or DeviceHosts.subject(self.host, self.number)
        self.last_seen = self.since

    @property
    def address(self) -> str:
        """Its address in the spelling of old programs."""
        return address_text(self.host, self.port)

    @property
    def label(self) -> str:
        """Its name, or its address if it has none."""
        return self.name or self.address

    @property
    def short_label(self) -> str:
        """Its name, or ``host:port``: for lists, in which commas separate the items."""
        return self.name or f"{self.host}:{self.port}"

    @property
    def is_clear(self) -> bool:
        """Whether nothing that was sent to it waits any more: the operating system has taken it, or the connection is lost."""
        return self.peer.is_flushed or not self.is_online

    def when_clear(self, callback: Callable[[], None], after_turn: Callable[[Callable[[], None]], None]) -> None:
        """Call *callback* once, when :attr:`is_clear` may have become true.

        :param after_turn: used while the device is not full: everything that this turn has sent is then taken at its end.
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

    def words(self) -> str:
        """The words by which people look for it."""
        return f"{self.name} {self.host}:{self.port} {' '.join(self.aliases)}"

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
    """A name that a device has or had.

    :ivar link: the newest connection under this name, which may have ended.
    :ivar queue: requests that wait for the device to connect.
    """

    link: DeviceLink
    queue: list[RelayRequest] = field(factory=list)


class Devices:
    """All devices of one relay.

    :param wall: the wall clock, in seconds since the epoch.
    :ivar remembered: how many names of absent devices are kept.
    :ivar reserves: knows which names have credentials.
    :ivar version: a number that grows with each connection, disconnection and change of the rules. While it is the same, a target
        that was looked up still means the same device.
    """

    def __init__(self, wall: Callable[[], float], rules: RelayRules, remembered: int = 10_000) -> None:
        self._wall = wall
        self.remembered = remembered
        self.reserves: Reserves = NOTHING_RESERVED
        self.version = 0
        self.follow(rules)
        self._generation = int(wall())
        self._online: dict[tuple[str, int], DeviceLink] = {}
        # Target fields that controllers have sent: they repeat their target before each payload, and so need no parsing again.
        self._fields: dict[bytes, DeviceLink] = {}
        self._names: dict[str, DeviceName] = {}
        self._hosts = DeviceHosts()
        self._aliases: dict[str, str] = {}

    def follow(self, rules: RelayRules) -> None:
        """Apply *rules* to further devices, and to lists. Devices that are connected keep their names."""
        self._named_hosts = dict(rules.host_names or ())
        self._host_names = {host: name for name, host in self._named_hosts.items()}
        self._list_names = rules.list_format == "names"
        self._listed: bytes | None = None
        self.version += 1

    def __len__(self) -> int:
        return len(self._online)

    def __iter__(self) -> Iterator[DeviceLink]:
        """Iterate over the connected devices, oldest connection first."""
        return iter(self._online.values())

    @property
    def listed(self) -> bytes:
        """The answer to a list event, as a frame: each device, followed by a comma. Kept until a device comes or goes."""
        if self._listed is None:
            self._listed = self.list_of(self)
        return self._listed

    def list_of(self, links: Iterable[DeviceLink]) -> bytes:
        """The same of *links* alone."""
        items = "".join(f"{link.short_label if self._list_names else link.address}," for link in links)
        return encode_frame(items.encode() or NO_DEVICES)

    def connect(
        self, peer: IPeer, host: str, port: int, hello: DeviceHello | None, owner: str | None = None
    ) -> tuple[DeviceLink, DeviceLink | None]:
        """Add a device.

        :param hello: the hello of a second-dialect device.
        :param owner: the owner; by default, that of the principal or of *host*.
        :returns: its link, and the link whose name it took over, if that one was still connected.
        :raises NameHeld: when another owner holds a name of its hello.
        """
        principal = peer.principal
        owner = owner_of(principal, host) if owner is None else owner
        name = self.name_at(host, hello, principal)
        aliases = hello.aliases if hello else ()
        self._check_reserved((name, *aliases) if name else (), principal)
        if hello is not None:
            self._check_names((name, *aliases) if name else (), host, owner)
        self._generation += 1
        number = 0 if name else self._hosts.take(host)
        link = DeviceLink(peer, host, port, self._generation, self._wall(), owner, hello is not None, name, number, aliases)
        self._online[host, port] = link
        self._listed = None
        self.version += 1
        return link, self._take_name(link) if name else None

    def name_at(self, host: str, hello: DeviceHello | None, principal: Principal) -> str:
        """Return the name of a device at *host*: from its *hello*, its credential or the configuration; ``""`` for none."""
        proved = principal.name if principal.kind is Kind.DEVICE else None
        if hello is not None:
            return hello.name or proved or ""
        return proved or self._host_names.get(host, "")

    def subject_at(self, host: str, name: str) -> str:
        """Return the token in subjects that a device *name*, or one without a name, at *host* would have."""
        return name or DeviceHosts.subject(host, self._hosts.following(host))

    def disconnect(self, link: DeviceLink) -> bool:
        """Remove a device.

        :returns: True if the device is absent now; False if a newer connection has its name.
        """
        link.is_online = False
        self.version += 1
        link.last_seen = self._wall() - link.peer.silence()
        if self._online.get((link.host, link.port)) is link:
            del self._online[link.host, link.port]
            self._listed = None
        if link.number:
            self._hosts.give_back(link.host, link.number)
        self._fields.pop(_field(link), None)
        name = self._names.get(link.name)
        self._trim()
        return name is None or name.link is link

    def find(self, field: bytes) -> DeviceLink | None:
        """Return the connected device that a target field names, or None.

        :raises netd.relay.target.MalformedTarget: when the field cannot name a device.
        """
        link = self._fields.get(field)
        if link is None:
            link = self.resolve(parse_target(field))
            if link is not None and field == _field(link):
                self._fields[field] = link
        return link

    def resolve(self, target: Target) -> DeviceLink | None:
        """Return the connected device that *target* names, or None."""
        if target.address is not None:
            return self._online.get(target.address)
        name = self.name_of(target.text)
        return name.link if name is not None and name.link.is_online else None

    def subject_of(self, target: Target) -> str:
        """Return the token in subjects of the device that *target* names, known or not."""
        link, name = self.resolve(target), self.name_of(target.text)
        if link is None and name is not None:
            link = name.link
        if link is not None:
            return link.subject
        return token(target.text if target.address is None else address_text(*target.address))

    def called(self, target: Target) -> str:
        """Return the name of the device that *target* names, known or not; empty for a device that has none."""
        link, name = self.resolve(target), self.name_of(target.text)
        if link is None and name is not None:
            link = name.link
        if link is not None:
            return link.name
        return target.text if target.address is None else ""

    def raise_generation(self, generation: int) -> int:
        """Give further devices a generation above *generation*, which a device of another node has; see :class:`IDeviceHost`."""
        self._generation = max(self._generation, generation)
        return self._generation

    def name_of(self, text: str) -> DeviceName | None:
        """Return the entry of the name or alias *text*, whether its device is connected or not; None if there is none."""
        return self._names.get(text) or self._names.get(self._aliases.get(text, ""))

    def absent(self) -> Iterator[DeviceLink]:
        """Iterate over the last connections of named devices that are absent."""
        return (name.link for name in self._names.values() if not name.link.is_online)

    def forget(self, name: DeviceName) -> None:
        """Remove the entry of *name*, whose device is absent."""
        del self._names[name.link.name]
        self._forget_aliases(name.link)

    def remember(self, link: DeviceLink) -> None:
        """Add a device that was connected to an earlier run, and is away."""
        self._generation = max(self._generation, link.generation)
        self._take_name(link)

    def _check_reserved(self, names: tuple[str, ...], principal: Principal) -> None:
        for name in names:
            if not owns(self.reserves, principal, Kind.DEVICE, name):
                raise NameHeld(name, refusal(Kind.DEVICE, name), None)

    def _check_names(self, names: tuple[str, ...], host: str, owner: str) -> None:
        for name in names:
            kept_for = self._named_hosts.get(name, host)
            if kept_for != host:
                raise NameHeld(name, f"the name {name!r} is kept for the device at {kept_for}, by `host_names`", None)
            known = self.name_of(name)
            if known is not None and known.link.is_online and known.link.owner != owner:
                holder = known.link
                why = f"the name {name!r} is held by the device at {short_address(holder.address)} since {moment(holder.since)}"
                raise NameHeld(name, why, holder)

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
        if len(self._names) <= self.remembered + len(self._online):
            return
        oldest = next((text for text, name in self._names.items() if not name.link.is_online and not name.queue), None)
        if oldest is not None:
            self._forget_aliases(self._names.pop(oldest).link)

    def _forget_aliases(self, link: DeviceLink) -> None:
        for alias in link.aliases:
            if self._aliases.get(alias) == link.name:
                del self._aliases[alias]
