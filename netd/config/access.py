"""Parsers of who may connect: the words of ``access``, and networks."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from netd.access.rules import LOOPBACK, AccessWord, Network
from netd.config.parsers import Parser
from netd.spelling import did_you_mean, quoted

__all__ = ["access_words", "networks", "proxy_networks"]

_WORDS = {word.value: word for word in AccessWord}


def _read_words(written: str) -> tuple[AccessWord, ...]:
    found: list[AccessWord] = []
    for text in written.replace(",", " ").split():
        word = _WORDS.get(text)
        if word is None:
            raise ValueError(f"{quoted(text)} is not one of {', '.join(_WORDS)}{did_you_mean(text, _WORDS)}")
        if word in found:
            raise ValueError(f"{quoted(text)} is given twice")
        found.append(word)
    if AccessWord.ANYONE in found and len(found) > 1:
        raise ValueError("anyone lets in all whom the other words name: write it alone, or leave it out")
    return tuple(found)


access_words: Parser[tuple[AccessWord, ...]] = Parser(f"words of {', '.join(_WORDS)}, separated by spaces", _read_words)
"""One or more words of ``access``; ``anyone`` alone."""


def _read_network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError:
        pass
    else:
        if network.prefixlen == 0:
            raise ValueError(f"{text} is everybody; the word for that is `access = anyone`")
        return network
    try:
        meant = ip_interface(text).network
    except ValueError:
        what = "no network; write addresses and networks, not names, as in 192.168.1.0/24 fd00:1::/64 10.0.0.7"
        raise ValueError(f"{quoted(text)} is {what}") from None
    raise ValueError(f"{text} is an address inside of a network: write {meant} for the network, or {text.partition('/')[0]}")


def _read_networks(written: str) -> tuple[Network, ...]:
    return tuple(dict.fromkeys(_read_network(text) for text in written.replace(",", " ").split()))


networks: Parser[tuple[Network, ...]] = Parser("addresses and networks, separated by spaces", _read_networks)
"""One or more IP addresses or networks in CIDR form. Networks that are everybody are refused."""


def _read_proxies(written: str) -> tuple[Network, ...]:
    return LOOPBACK if written == "loopback" else _read_networks(written)


proxy_networks: Parser[tuple[Network, ...]] = Parser("addresses and networks, separated by spaces; or loopback", _read_proxies)
"""The same for proxies, with the word ``loopback`` for those on this machine."""
