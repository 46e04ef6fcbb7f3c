"""``netd send``: send to a device or to a peer of a wire, and report the outcome."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from netd.cli.devices import ALL_NODES, every_device, is_meant, relay_instances
from netd.cli.generated import fetch_table
from netd.cli.invocation import AnswerTimedOut, Exit, Failure, Invocation, Misused, NetdCommand, seconds
from netd.cli.proof import proof_options, read_proof
from netd.cli.relay import RelayPlace
from netd.cli.send_wire import WirePlace, find_wire, has_wires, text_for_wire
from netd.cli.server import controller, dialect_option, server_option
from netd.cli.text import as_commands, escaped, payload_text
from netd.client.control import ControlTimeout, NoSuchTarget, OperationFailed, RequestTooLong

__all__ = ["send"]

_NO_SUCH_DEVICE = frozenset({"no such device", "target not found"})
"""The words of relays, netd's and legacy ones, for this outcome."""


@dataclass(frozen=True)
class Parcel:
    """The options of the command: what to send, and where."""

    target: str
    payload: bytes
    deadline: float | None
    instance: str | None
    waits: bool


KNOWN = {"no": " (the device has not got it)", "maybe": " (the device may have got it)"}
"""What is known of a message that failed, in words; if the device has got it, the reason says so."""


class _Unknown(Exception):
    """No relay knows the target. The message is for people."""


@dataclass(frozen=True)
class Report:
    """The outcome.

    :ivar status: ``sent``, ``acknowledged``, ``failed``, ``expired`` or ``queued``.
    :ivar answer: the answer of the device, or the payload of its refusal; None without one.
    :ivar is_unknown: there is no such device.
    :ivar known: whether it reached the device's connection: ``no``, ``maybe`` or ``yes``; empty where that was not told.
    """

    status: str
    error: str = ""
    answer: bytes | None = None
    is_unknown: bool = False
    known: str = ""

    @property
    def exit(self) -> Exit:
        """The exit code for this outcome."""
        if self.is_unknown:
            return Exit.NOT_FOUND
        good = {"sent": Exit.OK, "acknowledged": Exit.OK, "queued": Exit.OK, "expired": Exit.TIMED_OUT}
        return good.get(self.status, Exit.FAILED)

    def as_json(self) -> dict[str, Any]:
        """The outcome as plain JSON values. The answer is in base64, and as text if it is UTF-8."""
        told: dict[str, Any] = {"status": self.status}
        if self.error:
            told["error"] = self.error
        if self.known:
            told["known"] = self.known
        if self.answer is not None:
            told["answer"] = base64.b64encode(self.answer).decode("ascii")
            with contextlib.suppress(UnicodeDecodeError):
                told["text"] = self.answer.decode("utf-8")
        return told


@click.command(cls=NetdCommand, short_help="Send to a device or a peer of a wire; show what became of it.")
@click.argument("target")
@click.argument("text", required=False)
@click.option("--file", type=click.File("rb"), help="Send the content of this file; - is standard input.")
@click.option("--base64", "encoded", metavar="TEXT", help="Send the bytes of this base64 text.")
@click.option("--deadline", type=seconds, help="Time that the device has to answer.")
@click.option("--instance", help="Relay, if several run. [default: the one that knows TARGET]")
@click.option("--no-wait", "waits", flag_value=False, default=True, help="Do not wait for the device's answer.")
@server_option
@dialect_option
@proof_options
@click.pass_obj
def send(  # noqa: PLR0913, PLR0917 - one for each option
    invocation: Invocation,
    target: str,
    text: str | None,
    file: io.BufferedReader | None,
    encoded: str | None,
    deadline: float | None,
    instance: str | None,
    waits: bool,
    server: RelayPlace | None,
    dialect: str,
    token_file: Path | None,
) -> None:
    """Send to a device, or to a peer of a wire, and show what became of it.

    TARGET is a name, an alias or an address such as 127.0.0.1:50412; or wire.INSTANCE.NAME, a peer
    of the section [wire:INSTANCE].
    """
    parcel = Parcel(target, _payload(text, file, encoded), deadline, instance, waits)
    if server is None:
        report = _through_daemon(invocation, parcel)
    elif instance is not None or not waits:
        raise click.UsageError("--instance and --no-wait are for the running daemon: leave them out with --server.")
    else:
        report = _through_relay(invocation, server, dialect, parcel, read_proof(invocation, token_file))
    _tell(invocation, target, report)
    click.get_current_context().exit(report.exit)


def _payload(text: str | None, file: io.BufferedReader | None, encoded: str | None) -> bytes:
    if [text, file, encoded].count(None) != 2:
        raise click.UsageError("Give the payload once: as TEXT, with --file (--file - is standard input) or with --base64.")
    if text is not None:
        return text.encode("utf-8", "surrogateescape")  # restores bytes of the command line that are not UTF-8
    if file is not None:
        return file.read()
    try:
        return base64.b64decode(encoded or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise click.BadParameter(f"not base64: {error}.", param_hint="--base64") from error


def _through_daemon(invocation: Invocation, parcel: Parcel) -> Report:
    params: dict[str, Any] = {"target": parcel.target, **_said(parcel.payload)}
    if parcel.deadline is not None:
        params["deadline"] = parcel.deadline
    if not parcel.waits:
        params["wait"] = False
    try:
        wire = None if parcel.instance else _find_wire(invocation, parcel.target)
        if wire is not None:
            return _to_wire(invocation, wire, parcel)
        place = (parcel.instance, parcel.target) if parcel.instance else _find_relay(invocation, parcel.target)
    except _Unknown as unknown:
        return Report("failed", str(unknown), is_unknown=True)
    if place is not None:
        params["instance"], params["target"] = place
    with invocation.control(invocation.patience(parcel.deadline)) as control:
        try:
            return _read_report(control.call("relay.send", **params))
        except NoSuchTarget as error:
            return Report("failed", as_commands(str(error)), is_unknown=True)
        except ControlTimeout as error:
            later = "it may still reach the device, as a queued one does: `netd audit` tells what became of it"
            raise AnswerTimedOut(f"{as_commands(str(error))}; {later}") from error
        except RequestTooLong as error:
            raise Failure(f"{error}; send it over the relay's own port instead: --server HOST:PORT") from error


def _find_wire(invocation: Invocation, target: str) -> WirePlace | None:
    """The wire that has *target*; None if it is to be a device.

    :raises _Unknown: if no wire has it, and there is no relay.
    """
    table = fetch_table(invocation)
    if not has_wires(table):
        return None
    found = find_wire(invocation, table, target)
    if found is None and not any(operation.name in ("relay.devices", ALL_NODES) for operation in table):
        raise _Unknown(f"no peer of a wire is called {target!r}; `netd wire peers` lists them")
    return found


def _to_wire(invocation: Invocation, place: WirePlace, parcel: Parcel) -> Report:
    if parcel.deadline is not None or not parcel.waits:
        raise click.UsageError("--deadline and --no-wait are for devices: `answer_timeout` of a wire's section is its own.")
    instance, name = place
    text = text_for_wire(parcel.payload)
    with invocation.control() as control:
        try:
            result = control.call("wire.send", instance=instance, name=name, text=text)
        except NoSuchTarget as error:
            return Report("failed", as_commands(str(error)), is_unknown=True)
        except OperationFailed as error:
            return Report("failed", as_commands(str(error)))
    if not isinstance(result, Mapping) or not isinstance(result.get("answer"), str):
        raise Failure(f"netd's answer has an unknown form: {result!r:.200}")
    answer = result["answer"].encode("utf-8", "replace")
    return Report("acknowledged", answer=answer) if answer else Report("sent")


def _find_relay(invocation: Invocation, target: str) -> tuple[str, str] | None:
    """The relay that knows *target*, and the target's name there. None if this daemon has one relay, which asks others itself.

    A relay to which the device is connected is preferred to one that remembers it. ``NAME@NODE`` is a device of that node, listed
    or not, unless a device has that as its whole name.

    :raises _Unknown: if none of several relays knows it.
    :raises Misused: if more than one does.
    """
    table = fetch_table(invocation)
    instances = relay_instances(invocation, table)
    if len([instance for instance in instances if "@" not in instance]) == 1:
        return None
    devices, there = every_device(invocation, table), target
    found = _places(devices, instances, target)
    name, at, node = target.rpartition("@")
    if not found and at:
        on_node = tuple(instance for instance in instances if instance.partition("@")[2] == node)
        found, there = _places([device for device in devices if device.get("node") == node], instances, name), name
        found = found or (set(on_node) if len(on_node) == 1 else set())
    if not found:
        asked = ", ".join(instances)
        raise _Unknown(f"no relay knows {target!r} (--instance can be {asked}); `netd devices` lists the devices of all")
    if len(found) > 1:
        raise Misused(f"{target!r} is a device of several relays: choose one with --instance: {', '.join(sorted(found))}")
    (instance,) = found
    return instance, there


def _places(devices: Iterable[Mapping[str, Any]], instances: Iterable[str], target: str) -> set[str]:
    """The relays of those *devices* that *target* names."""
    places = [(_place(device, instances), device.get("online")) for device in devices if is_meant(device, target)]
    return {place for place, is_online in places if is_online} or {place for place, _ in places}


def _place(device: Mapping[str, Any], instances: Iterable[str]) -> str:
    """The instance name of the relay of *device*, as this daemon has it."""
    there = f"{device['instance']}@{device.get('node')}"
    return there if there in instances else str(device["instance"])


def _said(payload: bytes) -> dict[str, str]:
    try:
        return {"text": payload.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode("ascii")}


def _read_report(result: Any) -> Report:
    if not isinstance(result, Mapping) or not isinstance(result.get("status"), str):
        raise Failure(f"netd's answer has an unknown form: {result!r:.200}")
    try:
        answer = None if result.get("answer") is None else base64.b64decode(result["answer"], validate=True)
    except (TypeError, ValueError) as error:
        raise Failure(f"the device's answer did not arrive whole: {error}") from error
    return Report(result["status"], str(result.get("error") or ""), answer, known=str(result.get("known") or ""))


def _through_relay(invocation: Invocation, where: RelayPlace, dialect: str, parcel: Parcel, proof: Mapping[str, str]) -> Report:
    with controller(invocation, where, dialect, proof) as (relay, is_late):
        outcome = relay.send(parcel.target, parcel.payload, parcel.deadline)
    if outcome.status == "failed" and is_late():
        raise AnswerTimedOut(f"the relay did not answer within {invocation.timeout:g} s: {outcome.error}")
    answer = outcome.answer if outcome.answer or outcome.status == "acknowledged" else None
    return Report(outcome.status, outcome.error, answer, outcome.error in _NO_SUCH_DEVICE, outcome.known)


def _tell(invocation: Invocation, target: str, report: Report) -> None:
    if invocation.as_json:
        invocation.print_json(report.as_json())
        return
    lines = {
        "sent": "sent",
        "acknowledged": "acknowledged",
        "queued": f"queued: {target} is away, and gets it when it comes back",
        "expired": f"expired: {target} did not answer in time",
    }
    line = lines.get(report.status) or f"{report.status}: {report.error or 'no reason was given'}"
    line += KNOWN.get(report.known, "")
    click.echo(escaped(line), err=report.exit is not Exit.OK)
    if report.answer:
        click.echo(payload_text(report.answer))
