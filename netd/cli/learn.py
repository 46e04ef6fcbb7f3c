"""``netd learn``: this process becomes the program that records a program and drafts its section."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from netd.cli.invocation import Invocation, NetdCommand, seconds
from netd.cli.twistd import become

__all__ = ["learn"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")


def _server(written: str) -> tuple[str, int]:
    """HOST:PORT; a type of click's."""
    host, colon, port = written.rpartition(":")
    if not (host and colon and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise click.BadParameter(f"{written!r} is not HOST:PORT, as in 192.168.1.7:9000.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _name(written: str) -> str:
    if not _NAME.fullmatch(written):
        raise click.BadParameter(f"{written!r} is not a name; write 1 to 63 letters, digits, _ and -.")
    return written


_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=NetdCommand, common=(), short_help="Record a program, and draft the section that serves it.")
@click.argument("port", type=click.IntRange(1, 65535), required=False)
@click.option("--udp", is_flag=True, help="The program sends datagrams.")
@click.option("--interface", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen; 0.0.0.0 is all.")
@click.option("--through", type=_server, metavar="HOST:PORT", help="Pass everything on to the program's own server.")
@click.option("--say", metavar="TEXT", help=r"What to say where the program waits, as in 'READY\n'. [default: OK\n, once]")
@click.option("--from", "device", metavar="serial:PATH:BAUD", help="Listen to a serial port.")
@click.option("--pcap", type=_file, metavar="FILE", help="Read what tcpdump or Wireshark has captured at PORT.")
@click.option("--transcript", type=_file, metavar="FILE", help="Draft from a transcript, and record nothing.")
@click.option("--for", "duration", type=seconds, metavar="TIME", help="How long to record, as in 60s. [default: until Ctrl-C]")
@click.option("--name", type=_name, metavar="NAME", help="Name of the section and of both files.")
@click.option("--into", type=click.Path(file_okay=False), default=".", metavar="DIRECTORY", help="Where the files go.")
@click.option("--force", is_flag=True, help="Write over files of that name.")
@click.pass_obj
def learn(
    invocation: Invocation,
    /,
    port: int | None,
    device: str | None,
    pcap: Path | None,
    transcript: Path | None,
    duration: float | None,
    name: str | None,
    **plain: Any,
) -> None:
    """Listen on PORT in place of a program's server, record what both say, and draft the section [wire:NAME] that serves it.

    The program needs no change. With --through, its own server goes on answering it. What is recorded is in NAME.transcript,
    the draft in NAME.ini: append that to the INI of netd.

    The exit status is 0 if a draft was written, 1 if not.
    """
    invocation.require_unix()
    sources = {"--from": device, "--transcript": transcript, "--pcap": pcap, "--through": plain["through"]}
    given = [option for option, value in sources.items() if value is not None]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} are different ways to learn: give one of them.")
    if (port is None) is not (device is not None or transcript is not None):
        raise click.UsageError(
            "Name the PORT that the program connects to, as in netd learn 9000."
            if port is None
            else f"{given[0]} needs no PORT: leave it out."
        )
    order = {
        "port": port,
        "device": device,
        "pcap": None if pcap is None else str(pcap),
        "transcript": None if transcript is None else str(transcript),
        "seconds": duration,
        "name": name or _usual_name(port, device, pcap or transcript),
        **plain,
    }
    become(invocation, str(invocation.surroundings.python), "-P", "-m", "netd.wire.tools", "learn", json.dumps(order))


def _usual_name(port: int | None, device: str | None, file: Path | None) -> str:
    """The name of the section where none is given."""
    if file is not None:
        return re.sub(r"[^A-Za-z0-9_-]", "-", file.stem)[:63] or "learned"
    if device is not None:
        path = device.removeprefix("serial:").partition(":")[0]
        return re.sub(r"[^A-Za-z0-9_-]", "-", path.rpartition("/")[2])[:63] or "learned"
    return f"port{port}"
