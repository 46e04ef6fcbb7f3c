"""The options of ``[forward]``."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import attrs

from netd.bus.subject import split_pattern
from netd.config import REQUIRED, Parser, SectionConfig, duration, flag, integer, off_or, option, path, secret_file, within, words
from netd.pem import CertificateError, trusted
from netd.secrets.private_files import PrivateFileError, read_private

__all__ = ["Config"]

_TOKEN = "the server's token"  # noqa: S105 - the words for it
_MAKE = "write it there with `(umask 077; cat > FILE)`"


_SECRETS = ("u", "p", "token", "auth")


def _read_url(written: str) -> str:
    try:
        parts = urlsplit(written)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{written!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{written!r} is no URL; write http://HOST:8086/write?db=NAME, or https://…")
    if not written.isascii() or not written.isprintable() or " " in written:
        raise ValueError(
            f"{written!r}: has a space or a letter that a URL cannot have; write it as %20, or as it stands in a browser"
        )
    asked = parse_qs(parts.query, keep_blank_values=True)
    if "@" in parts.netloc or any(name in asked for name in _SECRETS):
        raise ValueError(
            f"{parts.hostname}: a URL holds no password or token here; write USER:PASSWORD, or the token, to token_file"
        )
    if "precision" in asked:
        raise ValueError("precision: leave it out; netd sends microseconds, and says so")
    if parts.fragment:
        raise ValueError(f"#{parts.fragment}: a URL of a server has no such part; leave it out")
    end = "/api/v2/write" if parts.path.endswith("/api/v2/write") else "/write"
    if not parts.path.endswith(end):
        raise ValueError(
            f"{parts.path or '/'}: no path to write to; InfluxDB 1 and VictoriaMetrics have /write, InfluxDB 2 has /api/v2/write"
        )
    return written


def _read_patterns(written: str) -> tuple[str, ...]:
    patterns = words(written)
    for pattern in patterns:
        split_pattern(pattern)
    return patterns


_url: Parser[str] = Parser("URL of a server that takes InfluxDB's line protocol", _read_url)
_patterns: Parser[tuple[str, ...]] = Parser("subject patterns, comma-separated: session.>, custom.>", _read_patterns)


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Sends on what the recorder holds, to InfluxDB, VictoriaMetrics or Telegraf (docs/forward.md).

    Several servers have a section each, `[forward:NAME]`.
    """

    packaged: ClassVar[bool] = False

    url: str = option(
        _url,
        REQUIRED,
        help="Where it is posted: `http://HOST:8086/write?db=NAME` for InfluxDB 1, "
        "`https://HOST/api/v2/write?org=ORG&bucket=NAME` for InfluxDB 2 and 3, `http://HOST:8428/write` for VictoriaMetrics.",
        live=True,
    )
    token_file: Path | None = option(
        off_or(secret_file),
        "off",
        help="File of the token that the server asks for; of InfluxDB 1, USER:PASSWORD. No other user may be able to read it.",
        live=True,
    )
    cafile: Path | None = option(
        off_or(path),
        "off",
        help="File of the authority that the server's certificate is verified against. `off`: those that the operating system "
        "trusts.",
        live=True,
    )
    subjects: tuple[str, ...] = option(
        _patterns,
        "session.>, wire.*.sample.>",
        help="The subjects that are sent on, of those that the recorder records.",
        live=True,
    )
    batch: int = option(integer(1, 20_000), "5000", help="Lines of a request, at most.", live=True)
    every: float = option(within(duration, "100ms", "1h"), "1s", help="How often what is new is sent.", live=True)
    timeout: float = option(within(duration, "1s", "5m"), "30s", help="How long a request may take.", live=True)
    gzip: bool = option(flag, "yes", help="Whether requests are compressed.", live=True)

    def needs(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.needs`. What is sent is read from the recorder's files."""
        return [("url", "recorder")]

    def token(self) -> str:
        """The token; empty without one.

        :raises PrivateFileError: if the file is not there, can be read by others, or holds no token.
        """
        if self.token_file is None:
            return ""
        place = self.directory / self.token_file
        try:
            found = read_private(place, _TOKEN, _MAKE).strip()
        except FileNotFoundError:
            raise PrivateFileError(f"{place}: no such file; {_MAKE}") from None
        if not found or not found.isascii() or not found.isprintable():
            raise PrivateFileError(f"{place}: holds no token, which is one line of ASCII; {_MAKE}")
        return found

    @property
    def authorities(self) -> Path | None:
        """The path of ``cafile``."""
        return None if self.cafile is None else self.directory / self.cafile

    @property
    def target(self) -> str:
        """The URL with the precision of the times that netd sends."""
        parts = urlsplit(self.url)
        precision = "us" if parts.path.endswith("/api/v2/write") else "u"
        query = f"{parts.query}&precision={precision}" if parts.query else f"precision={precision}"
        return parts._replace(query=query).geturl()

    @property
    def place(self) -> str:
        """The server, for people."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here: a file that cannot be used, and a token that anybody could read."""
        yield from super().objections()
        try:
            token = self.token()
        except PrivateFileError as error:
            token = ""
            yield "token_file", str(error)
        parts = urlsplit(self.url)
        if token and parts.scheme == "http" and not _is_here(parts.hostname or ""):
            yield "url", f"{parts.hostname} is on the network, where anyone could read the token; write https://"
        if self.cafile is not None and parts.scheme == "http":
            yield "cafile", "does nothing without TLS; write https:// in url"
        try:
            if self.authorities is not None:
                trusted(self.authorities)
        except (CertificateError, OSError) as error:
            yield "cafile", str(error)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
