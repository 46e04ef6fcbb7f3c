"""What is wrong with a NATS server, seen from a node of a cluster: one finding a step, each with a remedy."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from netd.cli.nats_probe import NatsMessage, NatsProbe, NatsRefused, NoNats
from netd.secrets.nats_login import NatsLogin, is_other_port

__all__ = ["Finding", "ServerCheck", "Wish"]

LEAST_PAYLOAD = 640 * 1024
"""Messages of a cluster have bodies of up to 512 KiB, and headers."""

SKEW = 1.0
"""Seconds that two clocks may differ by without a word."""

EXPIRES_SOON = 30 * 86400.0
"""Seconds before the end of a certificate at which it is mentioned."""

HELLO_SECONDS = 1.5
"""How long nodes are listened to: each says hello once a second."""

_CERTIFICATE: dict[int, tuple[str, str]] = {
    9: ("the certificate is not valid yet", "set the clock of this machine, or wait"),
    10: ("the certificate has expired", "make a new one: remove hub/server.pem and hub/server-key.pem, then `netd cluster init`"),
    62: ("the certificate is not for {host}", "use a name that is in it, or make one with `--host {host}`"),
    64: ("the certificate is not for {host}", "use a name that is in it, or make one with `--host {host}`"),
}
"""Codes of OpenSSL: what is wrong, and the remedy."""

_UNKNOWN_AUTHORITY = (
    "the certificate is not signed by an authority of {ca}",
    "name the server's with --tls-ca, tls_ca in [cluster]",
)


@dataclass(frozen=True)
class Finding:
    """What a step has found.

    :ivar status: ``ok``, ``warning`` or ``bad``.
    :ivar remedy: what to do; empty where nothing is.
    """

    server: str
    status: str
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Wish:
    """What a node wants of a server.

    :ivar cluster: the name of the cluster.
    :ivar seconds: how long each answer may take.
    :ivar token: makes a subject that nobody else uses.
    :ivar wall_clock: seconds since 1970.
    """

    cluster: str
    login: NatsLogin | None
    authority: Path | None
    history: bool
    seconds: float
    token: str
    wall_clock: Callable[[], float]


class _Ended(Exception):
    """A step has failed in such a way that no other makes sense. Its finding is told already."""


@dataclass
class ServerCheck:
    """Goes through the steps for one server.

    :ivar server: ``nats://HOST:PORT`` or ``tls://HOST:PORT``.
    :ivar findings: what was found so far.
    """

    server: str
    wish: Wish
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> list[Finding]:
        """Go through all steps, and return what was found."""
        with suppress(_Ended), self._connected() as probe:
            try:
                self._greet(probe)
                self._secure(probe)
                self._log_in(probe)
                self._ask_who(probe)
                self._try_rights(probe)
                self._try_requests(probe)
                self._try_jetstream(probe)
                self._listen(probe)
            except (NoNats, OSError) as error:
                self._bad(f"the connection broke off: {error}", "look into the log of the server")
        return self.findings

    def _connected(self) -> NatsProbe:
        parts = urlsplit(self.server)
        host, port = parts.hostname or "", parts.port or 4222
        try:
            probe = NatsProbe(host, port, self.wish.seconds)
        except socket.gaierror as error:
            raise self._end(f"there is no machine {host}: {error.strerror}", "correct the name, or the name servers") from None
        except ConnectionRefusedError:
            raise self._end("nothing listens there", "start nats-server, or correct the port") from None
        except TimeoutError:
            told = f"no answer within {self.wish.seconds:g} s"
            raise self._end(told, "correct the address, or open the port in the firewall") from None
        except OSError as error:
            raise self._end(f"it cannot be reached: {error.strerror}", "correct the address, or the network") from None
        return probe

    def _greet(self, probe: NatsProbe) -> None:
        try:
            probe.greet()
        except TimeoutError:
            raise self._end("it says nothing", "correct the port, or take handshake_first out of its tls") from None
        except NoNats as error:
            raise self._end(f"it is no NATS server: {error}", "correct the port: 4222 is that of clients") from None
        greeting = probe.greeting
        self._ok(f"is nats-server {greeting.get('version')}, {greeting.get('server_name')}")
        most = greeting.get("max_payload")
        if not isinstance(most, int) or most < LEAST_PAYLOAD:
            self._bad(f"it takes messages of {most} bytes at most", "max_payload: 1MB in its configuration")
        if not greeting.get("headers"):
            self._bad("it does not know headers, so nobody can tell that a node is away", "take nats-server 2.10 or newer")

    def _secure(self, probe: NatsProbe) -> None:
        is_wanted = self.wish.authority is not None or self.server.startswith("tls:")
        is_offered = bool(probe.greeting.get("tls_required") or probe.greeting.get("tls_available"))
        if not is_wanted:
            if probe.greeting.get("tls_required"):
                raise self._end("it demands TLS", "write tls:// for nats://, and name its authority with --tls-ca")
            if not self._is_local:
                self._warn("all messages can be read on the way", "give the server a certificate: `netd cluster init`")
            return
        if not is_offered:
            raise self._end("it has no TLS", "give it a certificate: `netd cluster init`; or write nats:// without --tls-ca")
        host = urlsplit(self.server).hostname or ""
        try:
            certificate = probe.secure(self._context(), host)
        except ssl.SSLCertVerificationError as error:
            text, remedy = _CERTIFICATE.get(error.verify_code, _UNKNOWN_AUTHORITY)
            known = {"host": host, "ca": self.wish.authority or "this machine"}
            raise self._end(text.format(**known), remedy.format(**known)) from None
        except ssl.SSLError as error:
            raise self._end(f"TLS fails: {error.reason}", "look into the log of the server") from None
        left = ssl.cert_time_to_seconds(certificate["notAfter"]) - self.wish.wall_clock()
        if left < EXPIRES_SOON:
            self._warn(f"its certificate expires in {left / 86400:.0f} days", _CERTIFICATE[10][1])
        else:
            self._ok(f"TLS, with a certificate for {host}")

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=None if self.wish.authority is None else str(self.wish.authority))
        except (OSError, ssl.SSLError) as error:
            told = error.strerror if isinstance(error, FileNotFoundError) else "holds no certificate"
            raise self._end(
                f"{self.wish.authority}: {told}", "name the file of the authority: ca.pem of `netd cluster init`"
            ) from None

    def _log_in(self, probe: NatsProbe) -> None:
        login = self.wish.login
        try:
            probe.log_in(login or NatsLogin())
        except NatsRefused as error:
            remedy = (login or NatsLogin()).remedy(str(error))
            if is_other_port(str(error)):
                raise self._end(f"it has no nodes there: {error}", remedy) from None
            if login is None:
                raise self._end("it demands credentials", "name the file of this node with --credentials") from None
            raise self._end(f"it refuses the credentials: {error}", remedy) from None
        if login is not None and not probe.greeting.get("auth_required"):
            self._warn("it lets everyone in, with or without credentials", "give it accounts: `netd cluster init`")
        elif login is None and not self._is_local:
            self._warn("everyone on the network may join", "give it accounts: `netd cluster init`")
        else:
            self._ok("lets this node in")

    def _ask_who(self, probe: NatsProbe) -> None:
        """Ask the server who this is to it, and for its time; servers before 2.9 do not say."""
        asked = self.wish.wall_clock()
        answer = self._request(probe, "$SYS.REQ.USER.INFO")
        with suppress(KeyError, TypeError, ValueError):
            told = json.loads(answer.body) if answer is not None else {}
            skew = datetime.fromisoformat(told["server"]["time"]).timestamp() - (asked + self.wish.wall_clock()) / 2
            self._tell_skew("the server", skew)

    def _try_rights(self, probe: NatsProbe) -> None:
        subject = f"netd.{self.wish.cluster}.check.{self.wish.token}"
        probe.subscribe(subject)
        probe.publish(subject)
        try:
            came = next(probe.messages(self.wish.seconds), None)
        except NatsRefused:
            rights = f"netd.{self.wish.cluster}.>"
            remedy = f'correct --name; or publish and subscribe: ["{rights}", "_INBOX.>"] in its permissions'
            raise self._end(f"this node has not the rights it needs: {rights}", remedy) from None
        if came is None:
            self._bad("a message of this node does not come back", "look into the log of the server")
        else:
            self._ok(f"may publish and subscribe to netd.{self.wish.cluster}.>")

    def _try_requests(self, probe: NatsProbe) -> None:
        answer = self._request(probe, f"netd.{self.wish.cluster}.node.check-{self.wish.token}.ask")
        if answer is None or answer.status != 503:
            self._bad("a request to a node that is not there has no answer", "take nats-server 2.10 or newer, with headers")
        else:
            self._ok("tells at once when nobody is there")

    def _try_jetstream(self, probe: NatsProbe) -> None:
        answer = self._request(probe, "$JS.API.INFO")
        with suppress(ValueError, AttributeError):
            if answer is not None and not answer.status and "error" not in json.loads(answer.body):
                self._ok("has JetStream, for `history = yes`")
                return
        tell = self._bad if self.wish.history else self._ok
        tell(
            "has no JetStream for this node, so no `history = yes`",
            "" if tell == self._ok else "jetstream: enabled in its account; a leaf node has none, so take the hub",
        )

    def _listen(self, probe: NatsProbe) -> None:
        """Listen to the nodes that are there."""
        skews: dict[str, float] = {}
        with suppress(NatsRefused):
            probe.subscribe(f"netd.{self.wish.cluster}.hello")
            for message in probe.messages(min(HELLO_SECONDS, self.wish.seconds)):
                with suppress(ValueError, KeyError, TypeError):
                    told = json.loads(message.body)
                    skews[str(told["node"])[:63]] = float(told["sent"]) - self.wish.wall_clock()
        for node, skew in sorted(skews.items()):
            self._tell_skew(f"node {node} is there; it", skew)

    def _request(self, probe: NatsProbe, subject: str) -> NatsMessage | None:
        inbox = f"_INBOX.{self.wish.token}.{subject.rpartition('.')[2]}"
        probe.subscribe(inbox)
        probe.publish(subject, reply=inbox)
        answers = probe.messages(self.wish.seconds)
        try:
            return next((answer for answer in answers if answer.subject == inbox), None)
        except NatsRefused:
            return None

    def _tell_skew(self, thing: str, skew: float) -> None:
        if abs(skew) <= SKEW:
            self._ok(f"{thing} has the same time")
        else:
            side = "ahead" if skew > 0 else "behind"
            self._warn(f"{thing} is {abs(skew):.1f} s {side} of this machine", "set both clocks by NTP")

    @property
    def _is_local(self) -> bool:
        host = urlsplit(self.server).hostname or ""
        with suppress(ValueError):
            return ip_address(host).is_loopback
        return host == "localhost"

    def _ok(self, text: str, remedy: str = "") -> None:
        self.findings.append(Finding(self.server, "ok", text, remedy))

    def _warn(self, text: str, remedy: str) -> None:
        self.findings.append(Finding(self.server, "warning", text, remedy))

    def _bad(self, text: str, remedy: str) -> None:
        self.findings.append(Finding(self.server, "bad", text, remedy))

    def _end(self, text: str, remedy: str) -> _Ended:
        self._bad(text, remedy)
        return _Ended()
