"""Tests of the gateway's clients over real sockets: at an independent WebSocket server, over TLS, and at a real netd."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from netd.client.control import Control, InvalidArguments, NoSuchOperation, NotPermitted, NotRunning
from netd.client.control_subscription import subscribe
from netd.client.events import Event, Gap, Wish
from netd.client.gateway import Gateway, NotTrusted
from netd.client.gateway_asyncio import AsyncGateway
from netd.client.subscription import Hooks
from netd.paths import CONTROL_SOCKET
from tests.process import LOOPBACK, PATIENCE, RealTestCase

GATEWAY = f"[gateway]\nlisten = {LOOPBACK}\n"


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that has signed itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "netd")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    return path


class IndependentServerTests(RealTestCase):
    """The WebSocket server is somebody else's, and in this process."""

    def serve(self, handler: Callable[[ServerConnection], None], context: ssl.SSLContext | None = None) -> int:
        """The port of a server that does so with each connection."""

        def handle(connection: ServerConnection) -> None:
            with contextlib.suppress(ConnectionClosed):
                handler(connection)

        server: Server = serve(handle, "127.0.0.1", 0, ssl=context, subprotocols=[Subprotocol("netd.v1")], compression=None)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join, PATIENCE)
        self.addCleanup(server.shutdown)
        return int(server.socket.getsockname()[1])

    @staticmethod
    def subscribed(connection: ServerConnection, position: str, recovered: int | None = None) -> dict[str, Any]:
        """Answer a subscription; what it wished for."""
        request = json.loads(connection.recv(PATIENCE))
        result = {"pattern": request["params"]["pattern"], "position": position, "recovered": recovered, "gap": None}
        connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}))
        wished: dict[str, Any] = request["params"]
        return wished

    @staticmethod
    def event(seq: int, text: str = "") -> str:
        """An event of the subscription."""
        params = {"pattern": "a.>", "seq": seq, "time": 1.5, "subject": "a.b", "data": text}
        return json.dumps({"jsonrpc": "2.0", "method": "event", "params": params})

    def test_resume(self) -> None:
        """Both clients understand long and fragmented messages and pings, and go on where they were after a lost connection."""
        wishes: list[dict[str, Any]] = []
        long = "grün " * 50_000

        def handler(connection: ServerConnection) -> None:
            if not wishes or "since" in wishes[-1]:
                wishes.append(self.subscribed(connection, "c:0"))
                connection.send(self.event(1, long))
                connection.ping().wait(PATIENCE)
                connection.send([self.event(2)[:20], self.event(2)[20:]])
                return
            wishes.append(self.subscribed(connection, "c:3", 1))
            connection.send(self.event(3))
            connection.recv(PATIENCE)

        url = f"http://127.0.0.1:{self.serve(handler)}"
        with Gateway(url, timeout=PATIENCE) as gateway, gateway.subscribe("a.>") as subscription:
            found = [next(subscription) for _ in range(3)]

        async def take() -> list[Any]:
            async with AsyncGateway(url, timeout=PATIENCE) as client, client.subscribe("a.>") as subscription:
                return [await anext(subscription) for _ in range(3)]

        for items in (found, asyncio.run(take())):
            self.assertEqual(items, [Event("a.b", long, 1.5, 1), Event("a.b", "", 1.5, 2), Event("a.b", "", 1.5, 3)])
        self.assertEqual([wish.get("since") for wish in wishes], [None, "c:2", None, "c:2"])

    def test_tls(self) -> None:
        """Over TLS a server is believed when its certificate is signed by who is trusted, and names its address; only then."""
        own = certificate(self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own)
        ca = own.with_name("ca.pem")
        ca.write_bytes(own.read_bytes().partition(b"-----BEGIN PRIVATE")[0])

        def handler(connection: ServerConnection) -> None:
            self.subscribed(connection, "c:0")
            connection.send(self.event(1))
            connection.recv(PATIENCE)

        port = self.serve(handler, context)
        with Gateway(f"https://127.0.0.1:{port}", cafile=ca) as gateway:
            subscription = gateway.subscribe("a.>")
            self.assertEqual(next(subscription), Event("a.b", "", 1.5, 1))
            threading.Timer(0.05, gateway.close).start()
            self.assertEqual(list(subscription), [])  # woken by the other thread

        async def take(url: str, **options: Any) -> Any:
            async with AsyncGateway(url, **options) as client, client.subscribe("a.>") as subscription:
                return await anext(subscription)

        self.assertEqual(asyncio.run(take(f"https://127.0.0.1:{port}", cafile=ca)), Event("a.b", "", 1.5, 1))
        for url, options in ((f"https://127.0.0.1:{port}", {}), (f"https://localhost:{port}", {"cafile": ca})):
            with Gateway(url, **options) as gateway:
                self.assertRaises(NotTrusted, gateway.call, "x")
            with self.assertRaises(NotTrusted):
                asyncio.run(take(url, **options))

    def test_nobody(self) -> None:
        """A port where nobody listens is told at once."""
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            self.assertRaises(NotRunning, Gateway(url).call, "x")
            with self.assertRaises(NotRunning):
                asyncio.run(AsyncGateway(url).call("x"))


class RealNetdTests(RealTestCase):
    def test_same_everywhere(self) -> None:
        """Calls, errors and events are the same over the control socket, the blocking and the asyncio client."""
        daemon = self.start(self.write_ini(GATEWAY))
        url = f"http://127.0.0.1:{daemon.port('gateway')}"
        path = self.state / CONTROL_SOCKET
        with Control(path, PATIENCE) as control, Gateway(url, timeout=PATIENCE) as gateway:
            names = [[one["name"] for one in way.call("system.operations")] for way in (control, gateway)]
            self.assertEqual(names[0], names[1])
            for way in (control, gateway):
                self.assertRaises(NoSuchOperation, way.call, "no.such")
                self.assertRaises(InvalidArguments, way.call, "bus.last", pattern="a b")
            gateway.call("bus.publish", subject="custom.x", data={"text": "grün"})
            first = [next(subscribe(path, Wish("custom.>", replay=1), PATIENCE)), next(gateway.subscribe("custom.>", replay=1))]

        async def take() -> Any:
            async with AsyncGateway(url, timeout=PATIENCE) as client:
                self.assertEqual([one["name"] for one in await client.call("system.operations")], names[0])
                with self.assertRaises(NoSuchOperation):
                    await client.call("no.such")
                async with client.subscribe("custom.>", replay=1) as subscription:
                    return await anext(subscription)

        first.append(asyncio.run(take()))
        for item in first:
            assert isinstance(item, Event)
            self.assertEqual((item.subject, item.data), ("custom.x", {"text": "grün"}))

    def test_restart(self) -> None:
        """A restart of netd is survived: the gap is told, then events go on."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ini = self.write_ini(f"[gateway]\nlisten = tcp:{port}:interface=127.0.0.1\n")
        daemon = self.start(ini)
        daemon.port("gateway")
        told: list[str] = []
        hooks = Hooks(disconnected=lambda reason, delay: told.append(reason))
        with (
            Gateway(f"http://127.0.0.1:{port}", timeout=PATIENCE) as gateway,
            gateway.subscribe("custom.>", hooks=hooks) as events,
        ):
            self.assertIsNone(events.take(0.01))  # connected
            gateway.call("bus.publish", subject="custom.x", data=1)
            self.assertEqual(events.take(PATIENCE)[:2], ("custom.x", 1))  # type: ignore[index]
            daemon.stop()
            self.start(ini).port("gateway")
            self.assertEqual(events.take(PATIENCE), Gap(2, None))
            gateway.call("bus.publish", subject="custom.x", data=2)
            self.assertEqual(events.take(PATIENCE)[:2], ("custom.x", 2))  # type: ignore[index]
        self.assertTrue(told)

    def test_tokens(self) -> None:
        """With tokens, a client needs one, and reaches as far as that allows; in a file it is never on a command line."""
        daemon = self.start(self.write_ini(GATEWAY))
        url = f"http://127.0.0.1:{daemon.port('gateway')}"
        words = ("token", "add", "panel", "--role", "viewer", "--subject", "custom.>", "--state", self.state)
        made = self.run_python("-c", "from netd.cli.main import main; main()", *words)
        self.assertEqual(made.returncode, 0, made.stderr)
        token = self.folder / "panel.token"
        token.write_text(made.stdout)
        with Gateway(url, timeout=PATIENCE) as nobody:
            self.assertRaises(NotPermitted, nobody.call, "system.status")
            self.assertRaises(NotPermitted, next, nobody.subscribe("custom.>"))
        with Gateway(url, token_file=token, timeout=PATIENCE) as viewer:
            self.assertRaises(NotPermitted, viewer.call, "system.stop")
            self.assertRaises(NotPermitted, next, viewer.subscribe("session.>"))
            events = viewer.subscribe("custom.>")
            self.assertIsNone(events.take(0.01))
            daemon.call("bus.publish", subject="custom.x", data=5)
            self.assertEqual(events.take(PATIENCE)[1], 5)  # type: ignore[index]
        self.assertNotIn(made.stdout.strip(), daemon.output)
