"""Links to real nats-servers: what is sent arrives, and what becomes of it when a server is killed, hangs or refuses."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from netd.cluster.config import Config
from netd.cluster.interfaces import LinkLost, NoAnswer, NobodyThere
from netd.cluster.link import Link
from netd.secrets.nkeys import UserKey
from tests.cluster.loops import LoopCase
from tests.cluster.nats_server import NatsServer
from tests.process import RealTestCase
from tests.tls import Authority, write_private


class LinkCase(LoopCase, RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make_loop()

    def server(self, config: str = "", name: str = "nats") -> NatsServer:
        """A nats-server with more of its configuration."""
        server = NatsServer(self.folder / name, config)
        self.addCleanup(server.end)
        return server

    def link(self, node: str, *servers: str, **options: Any) -> Link:
        """A link, started."""
        link = Link(Config(servers=servers, node=node, **options), self.reactor, time.time)
        link.loop = self.loop
        link.start()
        self.addCleanup(lambda: self.result(link.stop()))
        return link

    def up(self, *links: Link) -> float:
        """Wait until all are connected."""
        return self.run_until(lambda: all(link.is_up for link in links))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path


class TrafficTests(LinkCase):
    def test_no_turn_between(self) -> None:
        """What is sent while nothing waits is handed over at once; what comes together is taken in the order of sending."""
        server = self.server()
        a, b = self.link("A", server.url), self.link("B", server.url)
        self.up(a, b)
        came: list[str] = []
        for subject in ("netd.lab.x", "netd.lab.y"):
            b.subscribe(subject, lambda subject, _body, _reply: came.append(subject[-1]))
        self.assertIsNone(self.result(b.flush(5.0)))
        self.run_for(0.1)  # the writer rests
        before = a.facts().bytes_out
        a.send("netd.lab.x", b"1")
        self.assertEqual(before + 1, a.facts().bytes_out)
        a.post("netd.lab.y", b"23")
        self.assertEqual(before + 3, a.facts().bytes_out)
        for subject in "xyxxyy":
            a.send(f"netd.lab.{subject}", b"")
        self.run_until(lambda: len(came) == 8)
        self.assertEqual("xyxyxxyy", "".join(came))

    def test_messages(self) -> None:
        """Messages arrive in order, requests are answered or refused at once, and nothing comes back to its sender."""
        server = self.server()
        a, b = self.link("A", server.url), self.link("B", server.url)
        self.up(a, b)
        came: list[bytes] = []
        own: list[bytes] = []
        subscription = b.subscribe("netd.lab.ev.>", lambda _subject, body, _reply: came.append(body))
        a.subscribe("netd.lab.ev.>", lambda _subject, body, _reply: own.append(body))
        b.subscribe("netd.lab.node.B.call", lambda _subject, body, reply: b.send(reply, body.upper()))
        b.subscribe("netd.lab.node.B.deaf", lambda *_: None)
        b.subscribe("netd.lab.node.B.bad", lambda *_: 1 / 0)
        self.assertIsNone(self.result(b.flush(5.0)))
        texts = [b"%d" % number for number in range(3000)]
        for text in texts:
            a.post("netd.lab.ev.x", text)
        self.assertEqual(b"HELLO", self.result(a.request("netd.lab.node.B.call", b"hello", 5.0)))
        self.run_until(lambda: len(came) == len(texts))
        self.assertEqual((texts, []), (came, own))
        self.assertIsInstance(self.result(a.request("netd.lab.node.C.call", b"", 5.0)), NobodyThere)
        self.assertIsInstance(self.result(a.request("netd.lab.node.B.deaf", b"", 0.05)), NoAnswer)
        a.send("netd.lab.node.B.bad", b"")
        a.send("netd.lab.ev.x", bytes(2 << 20))  # more than NATS takes
        a.send("netd.lab ev", b"")
        subscription.cancel()
        self.assertIsNone(self.result(b.flush(5.0)))
        a.post("netd.lab.ev.x", b"")
        self.assertEqual(b"AGAIN", self.result(a.request("netd.lab.node.B.call", b"again", 5.0)))
        self.assertEqual(len(texts), len(came))
        facts = a.facts()
        self.assertEqual((server.url, 0, 0), (facts.server, facts.reconnects, facts.dropped))
        self.assertIn("'netd.lab ev' was not sent", facts.trouble)
        self.assertGreater(facts.bytes_out, sum(map(len, texts)))
        self.run_until(lambda: a.facts().queue == 0)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_small_messages_only(self) -> None:
        """A server that takes short messages only is told of, and what is too long for it fails at once."""
        server = self.server("max_payload: 1000")
        a, b = self.link("A", server.url), self.link("B", server.url)
        self.up(a, b)
        came: list[bytes] = []
        b.subscribe("netd.lab.ev.>", lambda _subject, body, _reply: came.append(body))
        self.result(b.flush(1.0))
        self.assertIn("it takes messages of 1000 bytes at most: set its max_payload", a.facts().trouble)
        self.assertFalse(a.send("netd.lab.node.B.call", b"x" * 1001))
        refused = self.result(a.request("netd.lab.node.B.call", b"x" * 1001, 5.0))
        self.assertEqual((LinkLost, False), (type(refused), refused.was_sent))
        for size in (1001, 1000):
            a.post("netd.lab.ev.x", b"x" * size)
        self.run_until(lambda: came)
        self.assertEqual(([b"x" * 1000], True), (came, a.is_up))
        self.assertIn("a message of 1001 bytes", a.facts().trouble)

    def test_drained(self) -> None:
        """A node that stops sends what waits before it goes."""
        server = self.server()
        a, b = self.link("A", server.url), self.link("B", server.url)
        came: list[bytes] = []
        b.subscribe("netd.lab.ev.>", lambda _subject, body, _reply: came.append(body))
        self.up(a, b)
        self.result(b.flush(5.0))
        for _ in range(3000):
            a.post("netd.lab.ev.x", bytes(100))
        self.result(a.stop())
        self.run_until(lambda: len(came) == 3000)


class FaultTests(LinkCase):
    def test_killed(self) -> None:
        """C4: while NATS is away, requests fail at once and events wait; none is lost or out of order when it is back."""
        server = self.server()
        a, b = self.link("A", server.url), self.link("B", server.url)
        came: list[int] = []
        downs: list[str] = []
        b.subscribe("netd.lab.ev.>", lambda _subject, body, _reply: came.append(int(body)))
        b.subscribe("netd.lab.node.B.call", lambda *_: None)
        self.up(a, b)
        b.watch(lambda: b.flush(5.0).addCallback(lambda _: a.release()), downs.append)
        self.result(b.flush(5.0))
        for number in range(500):
            a.post("netd.lab.ev.x", b"%d" % number)
        open_request = a.request("netd.lab.node.B.call", b"", 5.0)
        self.run_until(lambda: len(came) == 500)
        server.kill()
        lost = self.result(open_request)
        self.assertIsInstance(lost, LinkLost)
        self.assertTrue(lost.was_sent)
        for number in range(500, 1000):
            a.post("netd.lab.ev.x", b"%d" % number)
        refused = self.result(a.request("netd.lab.node.B.call", b"", 5.0))
        self.assertIsInstance(refused, LinkLost)
        self.assertFalse(refused.was_sent)
        self.assertIsInstance(self.result(a.flush(1.0)), LinkLost)
        self.assertFalse(a.send("netd.lab.ev.x", b""))
        self.run_until(lambda: "nothing listens there" in a.facts().trouble)
        server.start()
        self.up(a, b)
        self.run_until(lambda: len(set(came)) == 1000)
        self.assertEqual(list(range(1000)), list(dict.fromkeys(came)), "what came twice is told by its number")
        self.assertEqual((1, 1), (len(downs), a.facts().reconnects))
        self.assertRegex(downs[0], "the NATS server has closed the connection|[Cc]onnection reset")  # what it had not read yet

    def test_slow_to_answer(self) -> None:
        """A flush that is not answered in time fails, and the late answer disturbs nobody."""
        server = self.server()
        a = self.link("A", server.url)
        self.up(a)
        server.freeze()
        flushed = a.flush(0.1)
        self.assertIsInstance(self.result(flushed), LinkLost)
        server.thaw()
        self.assertIsNone(self.result(a.flush(5.0)))
        self.assertEqual(0, a.facts().reconnects)

    def test_next_server(self) -> None:
        """With several servers, the next one is tried at once."""
        first, second = self.server(name="first"), self.server(name="second")
        a = self.link("A", first.url, second.url)
        self.up(a)
        first.kill()
        self.run_until(lambda: a.server == second.url)


class RefusalTests(LinkCase):
    """C9: a node starts whatever NATS says, and says what NATS says."""

    def trouble(self, link: Link, words: str) -> str:
        self.run_until(lambda: words in link.facts().trouble)
        return link.facts().trouble

    def test_absent(self) -> None:
        """A server that is not there, or a name without an address, is told as such, and tried again."""
        server = self.server()
        server.kill()
        a, b = self.link("A", server.url), self.link("B", "nats://no-such-host.invalid:4222")
        self.assertEqual(f"{server.url}: nothing listens there", self.trouble(a, "nothing listens"))
        self.trouble(b, "there is no address of that name")
        server.start()
        self.up(a)
        self.assertEqual("", a.facts().trouble)

    def test_credentials(self) -> None:
        """Users with a password and with an nkey are let in, others are not; and which rights an account lacks is told."""
        key, stranger = UserKey(os.urandom(32)), UserKey(os.urandom(32))
        rights = 'permissions: {publish: "netd.lab.>", subscribe: "netd.lab.>"}'
        users = (
            f"{{user: lab, password: secret, {rights}}}, {{nkey: {key.public}, {rights}}}, "
            '{user: guest, password: secret, permissions: {publish: "x.>", subscribe: "x.>"}}'
        )
        server = self.server(f"authorization: {{users: [{users}]}}")
        good, seed = self.write("good", "lab:secret\n"), self.write("seed", key.seed)
        a, b = self.link("A", server.url, credentials=good), self.link("B", server.url, credentials=seed)
        b.subscribe("netd.lab.node.B.call", lambda _subject, _body, reply: b.send(reply, b"yes"))
        self.up(a, b)
        self.result(b.flush(5.0))
        self.assertEqual(b"yes", self.result(a.request("netd.lab.node.B.call", b"", 5.0)))
        refused = [
            self.link("C", server.url, credentials=self.write("wrong", "lab:wrong\n")),
            self.link("D", server.url, credentials=self.write("strange", stranger.seed)),
            self.link("E", server.url),
        ]
        remedies = ("correct the user and the password", f"add to users of its account: nkey {stranger.public}", "`credentials`")
        for link, remedy in zip(refused, remedies, strict=True):
            told = self.trouble(link, "Violation")
            self.assertIn("it refuses the credentials: ", told)
            self.assertIn(remedy, told)
        guest = self.link("F", server.url, credentials=self.write("guest", "guest:secret\n"))
        self.assertIn(
            "the account lacks a right: permissions violation for subscription to", self.trouble(guest, "right").lower()
        )
        self.assertTrue(guest.is_up)
        missing = self.link("G", server.url, credentials=self.folder / "nowhere")
        self.assertIn("nowhere: there is no such file", self.trouble(missing, "nowhere"))

    def test_tls(self) -> None:
        """A certificate of the authority that was named is trusted, others are not, and a server without TLS learns nothing."""
        authority, other = Authority(), Authority("other")
        files = {name: self.folder / name for name in ("ca.pem", "other.pem", "key.pem", "cert.pem", "own.pem")}
        key, certificate = authority.issue("localhost")
        files["ca.pem"].write_bytes(authority.pem)
        files["other.pem"].write_bytes(other.pem)
        write_private(files["key.pem"], key)
        files["cert.pem"].write_bytes(certificate)
        write_private(files["own.pem"], *authority.issue("node-a"))
        tls = f'tls {{cert_file: "{files["cert.pem"]}", key_file: "{files["key.pem"]}", ca_file: "{files["ca.pem"]}"'
        server, strict = self.server(f"{tls}}}"), self.server(f"{tls}, verify: true}}", "strict")
        url, demanding = (f"tls://localhost:{one.port}" for one in (server, strict))
        a = self.link("A", url, tls_ca=files["ca.pem"])
        b = self.link("B", demanding, tls_ca=files["ca.pem"], tls_certificate=files["own.pem"])
        self.up(a, b)
        self.trouble(self.link("C", url, tls_ca=files["other.pem"]), "its certificate is not trusted")
        self.trouble(self.link("D", f"tls://127.0.0.1:{server.port}", tls_ca=files["ca.pem"]), "its certificate is not trusted")
        plain = self.server('authorization: {users: [{user: lab, password: "secret"}]}', "plain")
        plain.config += "\ntrace: true\ndebug: true\n"
        plain.kill()
        plain.start()
        login = self.write("login", "lab:secret\n")
        fooled = self.link("E", f"tls://localhost:{plain.port}", tls_ca=files["ca.pem"], credentials=login)
        self.trouble(fooled, "the server offers no TLS")
        silent = self.link("F", f"tls://localhost:{self.server(name='open').port}", tls_ca=files["ca.pem"])
        self.trouble(silent, "the server offers no TLS")
        self.assertNotIn("CONNECT {", plain.output)
