"""The address of a gateway, the client's token, and the verification of the server's certificate."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from netd.client.control import ControlError, ControlTimeout, NotRunning
from netd.client.tls import CannotTrust, ClientTls, tls_reason
from netd.client.token import check_token

__all__ = ["DEFAULT_URL", "Access", "Address", "NotTrusted", "connect_error", "read_url"]

DEFAULT_URL = "http://127.0.0.1:8080"


class NotTrusted(ControlError):
    """The server's certificate is not one that this client trusts."""


class Address(NamedTuple):
    """Where a gateway is.

    :ivar authority: host and port as an address has them.
    :ivar path: what stands before ``/rpc`` and ``/ws``: nothing, or that of a proxy.
    """

    host: str
    port: int
    is_tls: bool
    authority: str
    path: str

    @property
    def url(self) -> str:
        """The address for people."""
        return f"http{'s' if self.is_tls else ''}://{self.authority}{self.path}"


def read_url(url: str) -> Address:
    """The gateway at *url*: ``http://`` or ``https://``, host, perhaps port and path.

    :raises ValueError: when it is none, or holds what belongs elsewhere; it is not quoted then: it may hold a secret.
    """
    remedy = "write http://HOST:PORT or https://HOST:PORT"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the address of the gateway: {error}; {remedy}") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError(f"the address of the gateway holds more than host, port and path; {remedy}, and give the token as such")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(f"the address of the gateway is no address of HTTP; {remedy}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"the address of the gateway has more than plain characters; {remedy}")
    is_tls = parts.scheme == "https"
    usual = 443 if is_tls else 80
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port in {None, usual} else f"{host}:{port}"
    return Address(parts.hostname, port or usual, is_tls, authority, parts.path.rstrip("/"))


class Access:
    """Where a gateway is, and what opens it.

    :param url: ``http://HOST:PORT`` or ``https://HOST:PORT``, and perhaps a path before the gateway's own.
    :param token: what ``netd token add`` has printed.
    :param token_file: or the file that holds it, read anew for each connection.
    :param cafile: certificates that are trusted instead of the system's.
    :param certificate: the client's own certificate, for a gateway that asks for one.
    :param key: its private key; None if it is in the same file.
    :raises ValueError: when one of these cannot be; tokens are not quoted.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
    ) -> None:
        if token is not None and token_file is not None:
            raise ValueError("token and token_file: give one of them")
        self.address = read_url(url)
        if cafile is not None and not self.address.is_tls:
            raise ValueError("cafile: an address with http:// has no certificates; write https://")
        self._token = None if token is None else check_token(token)
        self._token_file = None if token_file is None else Path(token_file)
        self._tls = ClientTls(cafile, certificate, key)

    def __repr__(self) -> str:
        return f"<Access to {self.address.url}>"

    def token(self) -> str | None:
        """The token of now.

        :raises ControlError: when its file cannot be used.
        """
        if self._token_file is None:
            return self._token
        try:
            return check_token(self._token_file.read_text("utf-8"))
        except OSError as error:
            raise ControlError(f"cannot read the token in {self._token_file}: {error.strerror or error}") from None
        except ValueError as error:
            raise ControlError(f"{self._token_file}: the file holds no token: {type(error).__name__}") from None

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context by which the server's certificate is verified; None without TLS.

        :raises NotTrusted: when the file of certificates cannot be used.
        """
        if not self.address.is_tls:
            return None
        try:
            return self._tls.context() or ssl.create_default_context()
        except CannotTrust as error:
            raise NotTrusted(f"cannot use the certificates: {error}") from None


def connect_error(address: Address, error: Exception) -> ControlError:
    """Return the error for an attempt to connect that failed with *error*."""
    if isinstance(error, ssl.SSLError):
        return NotTrusted(f"{address.url}: {tls_reason(error, address.host)}")
    if isinstance(error, TimeoutError):
        return ControlTimeout(f"nobody takes the connection at {address.url} in time")
    said = getattr(error, "strerror", None) or error
    return NotRunning(f"cannot reach netd at {address.url}: {said}; is its [gateway] there, and up?")
