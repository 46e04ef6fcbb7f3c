"""Certificates for tests, and a client's side of TLS without a network."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.testing import StringTransport

from netd.connection.bounds import Bounds, Policy
from netd.connection.factory import PeerFactory
from netd.connection.protocol import PeerProtocol

PEM = serialization.Encoding.PEM
NO_PASSPHRASE = serialization.NoEncryption()


class Authority:
    """Somebody who signs certificates.

    :ivar certificate: the authority's own, which clients trust.
    """

    def __init__(self, name: str = "authority", signer: Authority | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = (signer or self).sign(self.name, self.key, (), is_authority=True)

    def sign(
        self, name: x509.Name, key: Any, hosts: tuple[str, ...], is_authority: bool = False, days: tuple[float, float] = (-1, 60)
    ) -> x509.Certificate:
        """A certificate for *key*, valid from so many days to so many days from now on."""
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, *hosts: str, days: tuple[float, float] = (-1, 60)) -> tuple[bytes, bytes]:
        """PEM of a new key, and of its certificate for *hosts*."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hosts[0])])
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, NO_PASSPHRASE)
        return secret, self.sign(name, key, hosts, days=days).public_bytes(PEM)

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self.certificate.public_bytes(PEM)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def write_private(path: Path, *pieces: bytes) -> Path:
    """Write a file that nobody else can read."""
    path.touch(mode=0o600)
    path.write_bytes(b"".join(pieces))
    return path


def make_certificate(path: Path) -> None:
    """A key and a certificate for ``localhost``, and the certificate that it is signed with, in one file."""
    authority = Authority()
    write_private(path, *authority.issue("localhost"), authority.pem)


class EchoProtocol(PeerProtocol):
    """Says everything back."""

    bounds = Bounds(Policy.PAUSE, 1 << 16)

    def received(self, data: bytes) -> None:
        self.peer.send(data)


class EchoFactory(PeerFactory):
    connection = EchoProtocol


class ClientTransport(StringTransport):
    """A transport that can close one direction."""

    is_half_closed = False

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's name
        self.is_half_closed = True


class Client:
    """The client's side of one connection to *protocol*, whose transport is made here.

    :param pem: a file with the client's key and certificate.
    :param trusts: the authority that must have signed the server's certificate; None trusts everybody.
    :ivar heard: what the protocol has said.
    """

    def __init__(
        self,
        protocol: Any,
        alpn: tuple[bytes, ...] = (),
        server_name: bytes | None = None,
        newest: int | None = None,
        suites: bytes | None = None,
        pem: Path | None = None,
        trusts: Path | None = None,
    ) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if pem is not None:
            context.use_privatekey_file(str(pem))
            context.use_certificate_chain_file(str(pem))
        if trusts is not None:
            context.load_verify_locations(str(trusts))
            context.set_verify(SSL.VERIFY_PEER)
        if newest is not None:
            context.set_max_proto_version(newest)
        if suites is not None:
            context.set_cipher_list(suites)
        if alpn:
            context.set_alpn_protos(list(alpn))
        self.side = SSL.Connection(context, None)
        if server_name is not None:
            self.side.set_tlsext_host_name(server_name)
        self.side.set_connect_state()
        self.heard = b""
        self.transport = ClientTransport()
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def hello(self) -> bytes:
        """The first bytes of the handshake."""
        self._step(self.side.do_handshake)
        return self._said()

    def shake_hands(self) -> Client:
        """The whole handshake.

        :raises SSL.Error: when the server refuses.
        """
        for _ in range(4):
            self._step(self.side.do_handshake)
            self.exchange()
        self.side.do_handshake()
        return self

    def say(self, data: bytes) -> None:
        """Send *data*."""
        self.side.sendall(data)
        self.exchange()

    def exchange(self) -> None:
        """Carry over what both sides have written."""
        said = self._said()
        if said:
            self.protocol.dataReceived(said)
        written = self.transport.value()
        self.transport.clear()
        if written:
            self.side.bio_write(written)
        self._step(self._read)

    def _read(self) -> None:
        while True:
            self.heard += self.side.recv(1 << 16)

    def _said(self) -> bytes:
        try:
            return self.side.bio_read(1 << 16)
        except SSL.WantReadError:
            return b""

    @staticmethod
    def _step(act: Any) -> None:
        with contextlib.suppress(SSL.WantReadError, SSL.ZeroReturnError):
            act()


class Server:
    """The server's side of one connection that *client*, the protocol of a dialled connection, makes.

    :param pem: a file with key and certificate.
    :param authority: who must have signed the client's certificate; None asks for none.
    :ivar heard: what the client has said.
    """

    def __init__(self, client: Any, pem: Path, authority: Path | None = None) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_privatekey_file(str(pem))
        context.use_certificate_chain_file(str(pem))
        if authority is not None:
            context.load_verify_locations(str(authority))
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *rest: bool(rest[-1]))
        self.side = SSL.Connection(context, None)
        self.side.set_accept_state()
        self.heard = b""
        self.transport = StringTransport()
        self._client = client
        client.makeConnection(self.transport)

    def exchange(self) -> None:
        """Carry over what both sides have written, as long as they write.

        :raises SSL.Error: when the server refuses the client, or was refused by it.
        """
        for _ in range(6):
            written = self.transport.value()
            self.transport.clear()
            if written:
                self.side.bio_write(written)
            with contextlib.suppress(SSL.WantReadError, SSL.ZeroReturnError):
                self.heard += self.side.recv(1 << 16)
            with contextlib.suppress(SSL.WantReadError):
                self._client.dataReceived(self.side.bio_read(1 << 16))

    def say(self, data: bytes) -> None:
        """Send *data*."""
        self.side.sendall(data)
        self.exchange()
