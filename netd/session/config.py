"""The options of a ``[session]`` section."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import attrs

from netd.config import ListeningConfig, Parser, duration, endpoints, flag, integer, off_or, option, within
from netd.config.dialing import first_delay, longest_delay
from netd.config.hosts import named_hosts

__all__ = ["Config", "channels", "networks"]

_CHANNEL = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,63})(?:\s*:\s*(?P<label>[^\[\]]*?)\s*(?:\[(?P<unit>[^\[\]]*)\])?)?")
_NO_LETTERS = "se"


def _read_networks(written: str) -> tuple[IPv4Network | IPv6Network, ...]:
    found = []
    for item in (item.strip() for item in written.split(",")):
        try:
            found.append(ip_network(item))
        except ValueError as error:
            raise ValueError(f"{error}; write networks as in 192.168.1.0/24, 10.0.0.7, fd00::/8") from None
    return tuple(found)


networks: Parser[tuple[IPv4Network | IPv6Network, ...]] = Parser("networks, comma-separated: 192.168.1.0/24", _read_networks)
"""One or more networks in CIDR form, or single addresses, comma-separated."""


def _read_address(written: str) -> str:
    try:
        found: IPv4Address | IPv6Address = ip_address(written)
    except ValueError:
        raise ValueError(f"{written!r} is not an IP address of this machine") from None
    return str(found)


address: Parser[str] = Parser("IP address", _read_address)
"""One IP address."""


def _read_channels(written: str) -> tuple[tuple[str, str, str], ...]:
    found: list[tuple[str, str, str]] = []
    for item in (item.strip() for item in written.split(",")):
        match = _CHANNEL.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r} is not a channel; write a name, or name:Label [unit], as in x:Heart rate [bpm]")
        name = match["name"]
        if name in [channel[0] for channel in found]:
            raise ValueError(f"channel {name} is given twice")
        if len(name) == 1 and (not name.islower() or name in _NO_LETTERS):
            raise ValueError(f"channel {name}: one letter alone is a lower-case one, neither s (announces) nor e (in numbers)")
        found.append((name, match["label"] or "", match["unit"] or ""))
    letters = [name for name, _, _ in found if len(name) == 1]
    if not 1 <= len(letters) <= _MOST_LETTERS:
        raise ValueError(f"{len(letters)} channels of one letter; agents that say no names need 1 to {_MOST_LETTERS}: x, y, z")
    return tuple(found)


_MOST_LETTERS = 9
"""The most channels that one digit after the ``s`` of an announcement can number."""

channels: Parser[tuple[tuple[str, str, str], ...]] = Parser("channels, comma-separated: x:Heart rate [bpm], y, z", _read_channels)
"""Names, each perhaps with a label and a unit, as triples of texts."""


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """Telemetry: netd dials agents, which connect back and stream samples of their channels."""

    listen: tuple[str, ...] = option(
        endpoints,
        "loopback:10000",
        help="Where agents connect back: one or more endpoints. Agents of the first dialect know port 10000 only.",
        live=True,
    )
    agent_port: int = option(integer(1, 65535), "10001", help="Where agents listen for netd.", live=True)
    agents: tuple[IPv4Network | IPv6Network, ...] = option(
        networks,
        "127.0.0.0/8",
        help="Networks of the agents. netd dials no other address, because a start can come from a web page.",
        live=True,
    )
    dial_from: str | None = option(
        off_or(address),
        "off",
        help="Address of this machine from which netd dials, and to which agents connect back. `off`: any.",
        live=True,
    )
    connect_back_from: tuple[IPv4Network | IPv6Network, ...] | None = option(
        off_or(networks),
        "off",
        help="Networks from which agents may connect back, beside the dialled address: for agents behind NAT.",
        live=True,
    )
    accept_unsolicited: bool = option(
        flag, "no", help="Whether agents in the networks of `agents` may connect without being dialled.", live=True
    )
    channels: tuple[tuple[str, str, str], ...] = option(
        channels,
        "x, y, z",
        help="Channels with label and unit: x:Heart rate [bpm], y, z. Agents of the first dialect have the channels of one"
        " letter, in this order. The others give labels and units to channels of which an agent sends only the name.",
        live=True,
    )
    host_names: tuple[tuple[str, str], ...] | None = option(
        off_or(named_hosts),
        "off",
        help="Names for agents that send none, by the address that netd dials or from which they connect:"
        " greenhouse=192.168.1.20, … An agent's name is part of its subjects; without a name, its host is.",
        live=True,
    )
    sessions_per_host: int = option(integer(1, 1000), "1", help="Most sessions of one agent's host at a time.", live=True)
    max_sessions: int = option(integer(1, 1_000_000), "10000", help="Most sessions at a time.", live=True)
    dial_timeout: float = option(
        within(duration, "10ms", "1h"),
        "10s",
        help="How long netd may take to look up an agent's name and to connect to it.",
        live=True,
    )
    connect_back_timeout: float = option(
        within(duration, "10ms", "1h"), "10s", help="How long a dialled agent has to connect back and announce itself.", live=True
    )
    announce_timeout: float = option(
        within(duration, "10ms", "1h"),
        "8s",
        help="How long a connection may take to announce its session, from its first byte.",
        live=True,
    )
    token_timeout: float = option(
        within(duration, "1ms", "10s"), "50ms", help="Silence that ends a sample of an agent that sends no newlines.", live=True
    )
    idle_timeout: float = option(
        within(duration, "100ms", "7d"),
        "30s",
        help="How long an agent may send nothing before its session fails.",
        live=True,
    )
    stop_grace: float = option(
        within(duration, "0s", "1m"),
        "1s",
        help="How long an agent may go on after the order to stop, before its connections are closed.",
        live=True,
    )
    reconnect: bool = option(
        flag, "yes", help="Whether an agent that fails is dialled again until its session is stopped.", live=True
    )
    reconnect_delay: float = first_delay()
    max_reconnect_delay: float = longest_delay()
