"""From a recording to the two files that ``netd learn`` leaves, and what a person is told about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen

from netd.errors import ConfigErrors
from netd.wire.config import read_section
from netd.wire.learn import WireDraft, draft
from netd.wire.learn.hidden import secrets_in, starred, without_secrets
from netd.wire.learn.turning import turned
from netd.wire.recording import Direction, Recording, Transport, escape, write_recording
from netd.wire.tools.order import ALL_ADDRESSES, LearnOrder
from netd.wire.tools.outcome import RuleLines, kinds_told
from netd.wire.tools.trial import try_section

__all__ = ["Attempted", "LearnFailed", "LearnedFiles", "conclude", "is_loopback"]


BACKSLASH = "\\"

MOST_PEERS = 50
"""Addresses that a draft admits; a network is better where there are more."""


class LearnFailed(Exception):
    """Nothing was learned; the message says why, and what to do."""


@frozen
class Attempted:
    """A message after which a program went on when netd said something of its own accord."""

    message: bytes
    said: bytes


class LearnedFiles:
    """``NAME.ini`` and ``NAME.transcript``, in one folder."""

    def __init__(self, order: LearnOrder) -> None:
        self.section = Path(order.into) / f"{order.name}.ini"
        self.transcript = Path(order.into) / f"{order.name}.transcript"
        self._is_recorded = order.transcript is None
        self._force = order.force

    def check(self) -> None:
        """Find out before anything is recorded whether the files can be written.

        :raises LearnFailed: if not.
        """
        if not self.section.parent.is_dir():
            raise LearnFailed(f"{self.section.parent} is no folder; make it, or name another by --into")
        if not os.access(self.section.parent, os.W_OK):
            raise LearnFailed(f"{self.section.parent} is not writable for you; name another folder by --into")
        for path in (self.section, *([self.transcript] if self._is_recorded else [])):
            if path.exists() and not self._force:
                raise LearnFailed(f"{path} is there already; choose another --name, or write over it by --force")

    def write_transcript(self, recording: Recording) -> None:
        """Write *recording*, for its owner alone."""
        if self._is_recorded:
            _write(self.transcript, write_recording(recording, ["what a program and its server said to each other"]), 0o600)

    def write_section(self, text: str) -> None:
        """Write the section, for its owner alone: what netd says to log in stands in it."""
        _write(self.section, text, 0o600)


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file in one piece: it is whole, or as it was.

    :raises LearnFailed: if it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise LearnFailed(f"{path} cannot be written: {error.strerror}") from error


def conclude(
    recording: Recording,
    order: LearnOrder,
    files: LearnedFiles,
    tell: Callable[[str], object],
    attempted: tuple[Attempted, ...] = (),
) -> None:
    """Draft a section from *recording*, write both files, and tell what each kind of message becomes.

    :raises LearnFailed: if nothing was learned.
    """
    server = None if order.through is None else "{}:{}".format(*order.through)
    asking = turned(recording, server)
    recording = recording if asking is None else asking
    if not any(event.direction is Direction.SAID for event in recording.events):
        opened = any(event.direction is Direction.OPENED for event in recording.events)
        raise LearnFailed(_nothing(order, opened))
    files.write_transcript(without_secrets(recording, secrets_in(recording, ())))  # nothing is lost if drafting fails
    is_open = asking is None and (order.pcap is not None or not is_loopback(order.interface))
    remote = _remote_hosts(recording) if is_open else []
    learned = draft(recording, order.name, _endpoint(order, is_exposed=bool(remote)) if asking is None else None)
    files.write_transcript(learned.transcript)
    if learned.refused is not None:
        raise LearnFailed(learned.refused)
    text = _with_peers(learned.section, remote) + "".join(map(_attempt_told, attempted))
    files.write_section(text)
    for line in _told(text, learned, order, files):
        tell(line)


def _endpoint(order: LearnOrder, is_exposed: bool) -> str | None:
    """Where netd is to listen, or what it dials; None for what the recording says.

    :param is_exposed: whether programs on other machines connect.
    """
    if order.device is not None:
        return order.device
    if order.port is None:
        return None
    interface = order.interface if is_exposed or is_loopback(order.interface) else "127.0.0.1"
    is_all = interface in ALL_ADDRESSES or (is_exposed and order.pcap is not None)
    where = "" if is_all else f":interface={interface.replace(':', BACKSLASH + ':')}"
    return f"{'udp' if order.udp else 'tcp'}:{order.port}{where}"


def _remote_hosts(recording: Recording) -> list[str]:
    """The addresses of other machines in *recording*."""
    opened = (event.data.decode("utf-8", "replace") for event in recording.events if event.direction is Direction.OPENED)
    hosts = {address.rpartition(":")[0].strip("[]") for address in opened}
    return sorted(host for host in hosts if _is_address(host) and not is_loopback(host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach *host*."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _with_peers(section: str, remote: Sequence[str]) -> str:
    """*section*, which admits the machines from which programs came, if they are others than this one."""
    if not remote:
        return section
    head, listen, rest = section.partition("\nlisten = ")
    first, _, rest = rest.partition("\n")
    return f"{head}{listen}{first}\naccess = peers\npeers = {' '.join(remote[:MOST_PEERS])}\n{rest}"


def _attempt_told(one: Attempted) -> str:
    after = f"after {escape(starred(one.message))[:60]}" if one.message else "first"
    return (
        f"; ? the program waits {after}, and went on when it heard {escape(one.said)}: write that behind the rule, as => TEXT\n"
    )


def _nothing(order: LearnOrder, opened: bool) -> str:
    if opened:
        return "the program connected, and said nothing; if its server speaks first, record both by --through HOST:PORT, or --say"
    if order.transcript is not None:
        return "the transcript is empty"
    return "no program connected, so that there is nothing to learn from; is it configured for this port and address?"


def _told(text: str, learned: WireDraft, order: LearnOrder, files: LearnedFiles) -> Iterator[str]:
    yield ""
    try:
        config = read_section(text, origin=str(files.section))
    except ConfigErrors as errors:
        yield f"{files.section} is written, and has mistakes to mend by hand:"
        yield from map(str, errors.problems)
        return
    said = learned.transcript
    trial = try_section(config.plan(said.is_dialled, said.transport is Transport.UDP), said)
    yield from kinds_told(trial.found, RuleLines(text, f"wire:{order.name}"))
    yield from (f"! {fault}" for fault in trial.faults)
    if not trial.is_whole:
        yield "the recording is long; its beginning was looked at"
    unsure = any(line.lstrip().startswith("; ?") for line in text.split("\n"))
    yield ""
    yield f"{files.section} is the section{'; what is unsure in it stands behind ; ?' if unsure else ''}"
    if order.transcript is None:
        yield f"{files.transcript} is what was said"
    yield from _next(order, files, learned.transcript.is_dialled and order.device is None)


def _next(order: LearnOrder, files: LearnedFiles, is_dialled: bool) -> Iterator[str]:
    transcript = files.transcript if order.transcript is None else order.transcript
    yield "Next: look at it, append it to your INI, then `netd check` and `netd reload`"
    yield f"Test: `netd wire test {order.name} {transcript} -c {files.section}`"
    if is_dialled:
        yield "netd then asks the server itself: the program is not needed any more"
    elif order.through is not None:
        yield f"netd then takes port {order.port}; the old server is not needed any more"
