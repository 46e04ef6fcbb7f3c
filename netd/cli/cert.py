"""``netd cert``: an authority of one's own, the certificates of netd and of devices, and what is wrong with a TLS port.

The commands need no running daemon.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netd.cli.invocation import Failure, Invocation, Misused, NetdCommand
from netd.cli.text import escaped

if TYPE_CHECKING:
    from netd.cli.cert_files import CertificateFiles

__all__ = ["cert"]

FOLDER = "certificates"
"""The folder of all files, inside of the state directory."""

KINDS = ("device", "agent", "bot", "command", "feed")

folder_option = click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder of the files. [default: {FOLDER} in the state directory]",
)
replace_option = click.option("--replace", "is_renewed", is_flag=True, help="Replace the one that is there, as for a renewal.")


@click.group()
def cert() -> None:
    """Make certificates for a lab, and check those of a port."""


@contextmanager
def _files(invocation: Invocation, folder: Path | None) -> Iterator[CertificateFiles]:
    """The files of the chosen folder.

    :raises Failure: for each error inside the ``with``.
    """
    from netd.cli.cert_files import CertificateFiles, CertificateFilesError  # noqa: PLC0415 - it loads OpenSSL
    from netd.secrets.credentials import UnfitCredential  # noqa: PLC0415 - likewise
    from netd.secrets.private_files import PrivateFileError  # noqa: PLC0415 - likewise

    invocation.require_unix()
    if folder is None:
        invocation.tell_of_service()
    try:
        yield CertificateFiles(_folder(invocation, folder), invocation.surroundings.wall_clock())
    except UnfitCredential as error:
        raise Misused(str(error)) from error
    except (CertificateFilesError, PrivateFileError) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename}: cannot be used: {error.strerror}") from error


@cert.command(cls=NetdCommand, common=("state", "json"))
@folder_option
@click.option("--title", default="netd lab", show_default=True, help="Name of the authority, as clients show it.")
@click.pass_obj
def init(invocation: Invocation, folder: Path | None, title: str) -> None:
    """Make the authority, by which all clients will know this lab: once."""
    from datetime import UTC, datetime  # noqa: PLC0415 - all commands must start fast

    with _files(invocation, folder) as files:
        # The date makes the name its own: a client that has the certificate of an earlier authority says which one it trusts.
        files.make_authority(f"{title} {datetime.fromtimestamp(files.now, UTC):%Y-%m-%d %H:%M}")
    if invocation.as_json:
        invocation.print_json({"files": [str(path) for path in files.made]})
        return
    told = ("signs certificates: keep it secret, and elsewhere if you can; netd itself never reads it",)
    uses = (*told, "for Python, curl and browsers", "for MicroPython", "for Arduino")
    for path, use in zip(files.made, uses, strict=True):
        click.echo(escaped(f"{path}  {use}"))
    options = [f"--{'ip' if _is_address(host) else 'name'} {host}" for host in _own_hosts()]
    click.echo(escaped(f"next: netd cert issue {' '.join(options)}"), err=True)
    click.echo("(with every name and address that programs dial; these are this machine's own)", err=True)


@cert.command(cls=NetdCommand, common=("state", "json"))
@click.option("--name", "names", multiple=True, metavar="NAME", help="A name that clients dial; can be repeated.")
@click.option("--ip", "addresses", multiple=True, metavar="ADDRESS", help="An address that clients dial; can be repeated.")
@click.option("--file", default="server", show_default=True, help="Name of the file, without .pem.")
@click.option("--days", type=click.IntRange(1, 3650), default=825, show_default=True, help="How long it is valid.")
@click.option("--replace", "is_renewed", is_flag=True, help="Replace the one that is there, whose names and addresses are kept.")
@folder_option
@click.pass_obj
def issue(
    invocation: Invocation,
    names: tuple[str, ...],
    addresses: tuple[str, ...],
    file: str,
    days: int,
    is_renewed: bool,
    folder: Path | None,
) -> None:
    """Make the certificate of netd. Without --name and --ip, it is for this machine's own name and address.

    With --replace, it is for all that the old one was for, and for what --name and --ip add. To leave a name out, move the old
    file away first.
    """
    from netd.certificate_faults import names_in  # noqa: PLC0415 - it loads OpenSSL

    if Path(file).name != file:
        raise Misused(f"{file!r} is no name of a file: leave the folder out, or name it with --dir")
    given = [*map(_host_name, names), *map(_address, addresses)]
    with _files(invocation, folder) as files:
        kept = files.hosts_of(file) if is_renewed else []
        issued = files.issue([*kept, *given] or _own_hosts(), file, days, is_renewed)
    (path,) = files.made
    known, end = names_in(issued.certificate), f"{issued.certificate.not_valid_after_utc:%Y-%m-%d}"
    if invocation.as_json:
        invocation.print_json({"file": str(path), "names": known, "until": end, "kept": kept})
        return
    click.echo(f"[tls]\ncertificate = {str(path.absolute()).replace(' ', chr(92) + ' ')}")
    click.echo(escaped(f"netd: it is for {', '.join(known)}, until {end}; a section uses it with `tls = yes`"), err=True)
    if kept:
        new = [host for host in dict.fromkeys(given) if host not in kept]
        told = f"as the one before it, {', '.join(kept)}; new: {', '.join(new) or 'nothing'}"
        click.echo(escaped(f"netd: {told}; programs that trust ca.pem go on without a change"), err=True)


@cert.command(cls=NetdCommand, common=("state", "json"))
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="device", show_default=True, help="The kind of program.")
@click.option("--days", type=click.IntRange(1, 3650), default=3650, show_default=True, help="How long it is valid.")
@replace_option
@folder_option
@click.pass_obj
def device(invocation: Invocation, name: str, kind: str, days: int, is_renewed: bool, folder: Path | None) -> None:
    """Make the certificate of the device NAME, and let it prove that name: instead of a token."""
    from netd.cli.authority import key_digest  # noqa: PLC0415 - it loads OpenSSL
    from netd.secrets.credentials import make_credential  # noqa: PLC0415 - likewise
    from netd.secrets.token_file import add_key  # noqa: PLC0415 - likewise
    from netd.secrets.tokens import TOKENS  # noqa: PLC0415 - likewise

    with _files(invocation, folder) as files:
        make_credential(name, kind, "-")  # a name that cannot be is refused before anything is written
        issued, old = files.issue_client(name, days, is_renewed)
        add_key(invocation.state / TOKENS, name, kind, key_digest(issued.pem), old)
    if invocation.as_json:
        invocation.print_json({"name": name, "files": [str(path) for path in files.made]})
        return
    uses = ("key and certificate, for Python", "certificate for MicroPython", "key for MicroPython", "both, for Arduino")
    for path, use in zip(files.made, uses, strict=True):
        click.echo(escaped(f"{path}  {use}"))
    ca = files.folder.absolute() / "ca.pem"
    click.echo(escaped(f"netd: client_ca = {ca} in [tls] admits it; `netd token remove {name}` takes the name away"), err=True)


@cert.command(cls=NetdCommand, common=("state", "json"))
@click.argument("server", metavar="HOST:PORT")
@click.option(
    "--cafile",
    type=click.Path(path_type=Path),
    help=f"The authority to trust. [default: ca.pem in {FOLDER} of the state directory]",
)
@click.option("--certificate", type=click.Path(path_type=Path), help="A certificate of a client, to show to the server.")
@click.option("--key", type=click.Path(path_type=Path), help="Its private key, if that is in another file.")
@click.pass_obj
def check(invocation: Invocation, server: str, cafile: Path | None, certificate: Path | None, key: Path | None) -> None:
    """Say in one sentence what is wrong with the TLS of HOST:PORT: 0 if nothing is."""
    from netd.cli.cert_check import CertificateCheck  # noqa: PLC0415 - it loads OpenSSL
    from netd.cli.relay import place  # noqa: PLC0415 - all commands must start fast

    if not server.rpartition(":")[2].isdigit():
        raise Misused(f"{server}: write HOST:PORT")
    where = place(server)
    ca = cafile or _folder(invocation, None) / "ca.pem"
    found = CertificateCheck(where.host, where.port, ca, certificate, key, invocation.surroundings.wall_clock()).run()
    if invocation.as_json:
        invocation.print_json({"good": found.is_good, "told": found.told})
    else:
        click.echo(escaped(f"{server}: {found.told}"))
    if not found.is_good:
        raise click.exceptions.Exit(1)


def _folder(invocation: Invocation, folder: Path | None) -> Path:
    return invocation.state / FOLDER if folder is None else folder


def _host_name(name: str) -> str:
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        raise Misused(f"{name!r:.80} is no name of a machine") from None
    if not ascii_name or set(ascii_name) & set(" :/") or _is_address(ascii_name):
        raise Misused(f"{name!r:.80} is no name of a machine: write it as in lab.local; addresses have --ip")
    return ascii_name


def _address(written: str) -> str:
    if not _is_address(written):
        raise Misused(f"{written!r:.80} is no address: write it as in 192.168.1.10 or fd00::7; names have --name")
    return written


def _is_address(written: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415 - all commands must start fast

    try:
        ip_address(written)
    except ValueError:
        return False
    return True


def _own_hosts() -> list[str]:
    """The name of this machine, and the addresses by which others reach it."""
    import socket  # noqa: PLC0415 - all commands must start fast

    own = socket.gethostname()
    found = {own: None, f"{own}.local": None} if "." not in own else {own: None}
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:  # nothing is sent: connecting only chooses a route
                probe.connect((elsewhere, 9))
                found[probe.getsockname()[0]] = None
        except OSError:
            continue
    return [*found]
