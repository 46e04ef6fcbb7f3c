"""Who may import whom, enforced on every module: ``ARCHITECTURE.md`` says why, the table below says what.

The modules are read, not imported, so a violation is found wherever it hides: inside functions and under ``TYPE_CHECKING`` too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import field, frozen
from twisted.trial.unittest import SynchronousTestCase

CHECKOUT = Path(__file__).resolve().parent.parent

SERVICES = (
    "alert",
    "bridge",
    "cluster",
    "command",
    "control",
    "feed",
    "forward",
    "gateway",
    "manhole",
    "mqtt",
    "recorder",
    "relay",
    "room",
    "session",
    "wire",
)
"""Packages that never import one another: they meet on the bus, or in the table of operations."""

IO = ("asyncio", "os", "random", "secrets", "select", "selectors", "signal", "socket", "ssl", "subprocess", "threading", "time")
"""What of the standard library makes a module unfit to be called pure."""


def _words(text: str) -> tuple[str, ...]:
    """The words of *text*; ``netd.bus.{local,subject}`` is two of them, as in a shell."""
    found: list[str] = []
    for word in text.split():
        start, brace, rest = word.partition("{")
        inner, _, end = rest.partition("}")
        found += [f"{start}{one}{end}" for one in inner.split(",")] if brace and "," in inner else [word]
    return tuple(found)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of *patterns* matches. ``netd.codec.*`` is ``netd.codec`` itself, too, and all that is below it."""
    return any(fnmatchcase(name, pattern) or name == pattern.removesuffix(".*") for pattern in patterns)


@frozen
class Reach:
    """The modules of *layers* that match a pattern of *within*, where ``{own}`` is the package of the module that imports."""

    layers: tuple[str, ...] = field(converter=_words)
    within: tuple[str, ...] = field(converter=_words, default="*")


@frozen
class Layer:
    """One row of the table.

    :ivar modules: patterns of dotted names; a module belongs to the *first* row that matches it.
    :ivar reaches: which modules of netd it may import.
    :ivar libraries: which third-party packages, or modules of them, it may import; ``*`` is any.
    :ivar without: which modules of the standard library it may not import.
    """

    name: str
    modules: tuple[str, ...] = field(converter=_words)
    reaches: tuple[Reach, ...]
    libraries: tuple[str, ...] = field(converter=_words, default="")
    without: tuple[str, ...] = ()


PURE = (Reach("vocabulary"), Reach("pure json", within="netd.{own}.* netd.codec.* netd.connection.* netd.reaction.* netd.status"))
SHELL = (Reach("vocabulary secrets pure json files options shell"),)
ASSEMBLY = (*SHELL, Reach("assembly"))
OUTSIDE = (
    Reach(
        "vocabulary",
        within="netd netd.{certificate_faults,errors,formats,onefile,paths,plaintext,redaction,sdk} netd.bus.subject",
    ),
    Reach("secrets"),
    Reach("pure", within="netd.codec.* netd.recorder.*"),
    Reach("files"),
)

LAYERS = (
    # 0: the words that everything uses
    Layer(
        "vocabulary",
        modules="netd netd.{carriage,change,errors,formats,interfaces,message,onefile,operations,paging,paths,plaintext,sdk}"
        " netd.{principal,redaction,reserved,spelling,timezone} netd.access netd.access.rules netd.bus.subject"
        " netd.secrets.tries",
        reaches=(Reach("vocabulary"),),
        libraries="attrs zope.interface",
    ),
    Layer("vocabulary", modules="netd.certificate_faults", reaches=(), libraries="cryptography"),
    # Passwords and tokens in files: they lock, flush to the disk and hash. The keys of NATS are Ed25519.
    Layer("secrets", modules="netd.secrets.nkeys", reaches=(), libraries="cryptography"),
    Layer("secrets", modules="netd.secrets.*", reaches=(Reach("vocabulary secrets"),), libraries="attrs"),
    # Programs that talk to the daemon. They never import it, and single files are made of those that are "alone".
    Layer(
        "alone",
        modules="netd.client.{way,way_*,again,micro,tls,token,websocket,relay*,command*,session*,room*,feed*}",
        reaches=(Reach("alone"),),
    ),
    Layer("client", modules="netd.client.gateway_http", reaches=(Reach("alone client"),), libraries="h11"),
    Layer("client", modules="netd.client.*", reaches=(*OUTSIDE, Reach("alone client"))),
    Layer("cli", modules="netd.cli.authority", reaches=(Reach("vocabulary", within="netd"),), libraries="attrs cryptography"),
    Layer(
        "cli",
        modules="netd.cli.cert_check",
        reaches=(Reach("vocabulary", within="netd.certificate_faults"), Reach("alone")),
        libraries="attrs cryptography",
    ),
    Layer("cli", modules="netd.cli.*", reaches=(*OUTSIDE, Reach("alone client cli")), libraries="click rich"),
    # 2: what the configuration says
    Layer(
        "options",
        modules="netd.{certificates,pem}",
        reaches=(Reach("vocabulary"), Reach("options", within="netd.pem")),
        libraries="attrs cryptography OpenSSL twisted.internet.interfaces twisted.logger zope.interface",
    ),
    Layer(
        "options",
        modules="netd.config.* netd.*.config netd.alert.grammar netd.command.trial netd.control.directory netd.feed.locales"
        " netd.cluster.credentials netd.wire.{parsers,remotes}",
        reaches=(
            Reach("vocabulary secrets"),
            Reach("options", within="netd.config.* netd.{certificates,pem} netd.{own}.*"),
            Reach("pure", within="netd.{alert,bridge,reaction,wire}.* netd.mqtt.classes"),
        ),
        libraries="attrs twisted.internet.endpoints",
    ),
    Layer(
        "options",
        modules="netd.privileges",
        reaches=(Reach("vocabulary secrets"), Reach("options", within="netd.control.directory")),
    ),
    # 1: what is pure and has a library, or stands among shells; all that is pure by default is the last row
    Layer("json", modules="netd.codec.{jsontext,jsontypes}", reaches=PURE, libraries="attrs msgspec", without=IO),
    Layer("pure", modules="netd.cluster.interfaces", reaches=PURE, libraries="zope.interface", without=IO),
    Layer("pure", modules="netd.console.jsonrpc", reaches=PURE, libraries="attrs", without=IO),
    # The codec of MQTT: two modules know it.
    Layer("pure", modules="netd.mqtt.{machine,packets}", reaches=PURE, libraries="attrs mqtt5", without=IO),
    Layer("pure", modules="netd.gateway.metrics", reaches=PURE, libraries="attrs prometheus_client", without=IO),
    # What reads and writes the recorder's files. Programs outside of the daemon read them, too, and so it knows no Twisted.
    Layer(
        "files",
        modules="netd.recorder.{answers,archive,catalog,database,folder,gaps,outbox,paging,part_file,part_summary}"
        " netd.recorder.{pieces,query,reading,shelf,subjects,writer}",
        reaches=(Reach("vocabulary"), Reach("pure json files", within="netd.recorder.* netd.codec.* netd.status")),
        libraries="attrs",
    ),
    Layer(
        "files", modules="netd.backup.*", reaches=(Reach("vocabulary"), Reach("files", within="netd.backup.*")), libraries="attrs"
    ),
    # 3: what touches Twisted, each as thin as can be
    Layer(
        "shell",
        modules="netd.connection.websocket_{protocol,session}",
        reaches=SHELL,
        libraries="attrs zope.interface twisted autobahn",
    ),
    Layer(
        "shell",
        modules="netd.connection.{dialing,posting,remotes}",
        reaches=SHELL,
        libraries="attrs zope.interface twisted OpenSSL service_identity",
    ),
    # Twisted Conch, and the key that it shows.
    Layer(
        "shell",
        modules="netd.manhole.{conch,host_key}",
        reaches=SHELL,
        libraries="attrs zope.interface twisted cryptography",
    ),
    # Serial ports: one module knows pyserial.
    Layer("shell", modules="netd.wire.serial_port", reaches=SHELL, libraries="twisted serial"),
    # The client of NATS: one module knows it.
    Layer(
        "shell",
        modules="netd.cluster.connection",
        reaches=SHELL,
        libraries="attrs zope.interface twisted nats",
    ),
    Layer(
        "shell",
        modules="netd.log netd.bus.{journal,local} netd.boards.{operations,shelf} netd.console.* netd.*.protocol netd.state.*"
        " netd.connection.{dialer,door,early,ending}"
        " netd.connection.{eager,eager_client,factory,liveness,outbox,parking,peer,proxied,shares,silence,tls,turn,vigil}"
        " netd.doctor.{clock,machine} netd.everywhere.* netd.threads netd.command.{execution,watcher} netd.access.*"
        " netd.gateway.{channel,chunks,conversation,guard,history,past,scraping,sessions,signing,site,tickets}"
        " netd.gateway.graphite.answers"
        " netd.manhole.{doorkeeper,login,menu,prompt,ssh,terminal} netd.recorder.{backlog,history,reader,replay,store}"
        " netd.bridge.sending netd.reaction.delivery netd.alert.{acting,mail,program,webhook}"
        " netd.cluster.{answering,asking,calls,collecting,delivering,devices,events,following,forwarding,inquiries,link}"
        " netd.cluster.{listing,membership,names,newest,nodes,publishing,questions,receiving,requests,sending,shipping}"
        " netd.forward.sending netd.mqtt.commands netd.relay.guests netd.room.visitors netd.session.{dialer,revival}"
        " netd.wire.{calls,console,datagram,errands,link,section,serial} netd.wire.tools.{datagrams,streams}",
        reaches=SHELL,
        libraries="attrs zope.interface twisted",
    ),
    # 4: what puts the parts together
    Layer("assembly", modules="netd.feed.service", reaches=ASSEMBLY, libraries="attrs zope.interface twisted faker"),
    Layer(
        "assembly",
        modules="netd.doctor.{ports,watch}"
        " netd.{descriptors,dialing,heap,holders,kinds,listener,listeners,listening,notify,own_name,system,usage,vitals}"
        " netd.{lifecycle,logforms,loglevels,reload,sections} netd.testing.* netd.*.service netd.command.functions"
        " netd.wire.{dialled,ports} netd.wire.tools.{drafts,recorder}",
        reaches=ASSEMBLY,
        libraries="attrs zope.interface twisted",
    ),
    # 5: what knows everything
    Layer(
        "root",
        modules="netd.doctor.{__main__,exhibits} netd.{catalogue,check,clock,daemon,promptreactor,reference,tap}"
        " netd.wire.tools.__main__ twisted.plugins.netd_plugin",
        reaches=(*ASSEMBLY, Reach("root")),
        libraries="*",
    ),
    # 1: the rest. A new module of a service or of a connection is pure until a row above says otherwise.
    Layer(
        "pure",
        modules="netd.{boards,codec,connection,doctor,reaction}.* netd.bus netd.status"
        " netd.{alert,bridge,cluster,command,control,feed,forward,gateway,manhole,mqtt,recorder,relay,room,session,wire}.*",
        reaches=PURE,
        libraries="attrs",
        without=IO,
    ),
)


@frozen
class Module:
    """A source file. *path* is relative to the checkout, *name* what one imports."""

    path: str
    source: str

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def layer(self) -> Layer | None:
        return next((layer for layer in LAYERS if _matches(self.name, layer.modules)), None)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full dotted name of everything imported, ``from a import b`` being ``a.b``."""
        for node in ast.walk(ast.parse(self.source, self.path)):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = f"{self._ancestor(node.level)}.{node.module or ''}".strip(".")
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)

    def _ancestor(self, level: int) -> str:
        if level == 0:
            return ""
        parts = Path(self.path).parent.parts
        return ".".join(parts[: len(parts) - level + 1])


class House:
    """All modules of netd together, to be held against the table."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules = {module.name: module for module in modules}

    def violations(self) -> list[str]:
        """Every import that the table does not allow, and every module that it does not know."""
        return [violation for name in sorted(self._modules) for violation in self._violations_of(self._modules[name])]

    def _violations_of(self, module: Module) -> Iterator[str]:
        layer = module.layer
        if layer is None:
            yield f"{module.path}:1: no layer is named for {module.name}: give it one in tests/test_layers.py"
            return
        for line, name in module.imports():
            objection = self._objection(module, layer, name)
            if objection:
                yield f"{module.path}:{line}: {objection}"

    def _objection(self, module: Module, layer: Layer, name: str) -> str | None:
        """What is wrong with *module* importing *name*, or None."""
        top = name.partition(".")[0]
        if top == "netd":
            return self._objection_to_own(module, layer, self._module_of(name))
        if top in sys.stdlib_module_names:
            return f"{module.name} is {layer.name}: it may not import {top}" if top in layer.without else None
        allowed = any(library == "*" or f"{name}.".startswith(f"{library}.") for library in layer.libraries)
        return None if allowed else f"{module.name} is {layer.name}: it may not import {name}"

    def _objection_to_own(self, module: Module, layer: Layer, target: str) -> str | None:
        own, package = (name.split(".")[1] if "." in name else "" for name in (module.name, target))
        if own in SERVICES and package in SERVICES and own != package:
            return f"{module.name} may not import {target}: services meet on the bus, or in the table of operations"
        target_layer = self._modules[target].layer
        for reach in layer.reaches:
            within = [pattern.format(own=own) for pattern in reach.within]
            if target_layer is not None and target_layer.name in reach.layers and _matches(target, within):
                return None
        of_layer = f", which is {target_layer.name}" if target_layer is not None else ""
        return f"{module.name} is {layer.name}: it may not import {target}{of_layer}"

    def _module_of(self, name: str) -> str:
        """The module that defines *name*: the longest part of the dotted name that is one."""
        while name not in self._modules and "." in name:
            name = name.rpartition(".")[0]
        return name


def read_checkout() -> list[Module]:
    """Every module that is shipped."""
    paths = sorted([*CHECKOUT.glob("netd/**/*.py"), *CHECKOUT.glob("twisted/**/*.py")])
    return [Module(path.relative_to(CHECKOUT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


class CheckoutTests(SynchronousTestCase):
    def test_every_import_is_allowed(self) -> None:
        """A reader who looks into a pure module finds no reactor in it, and a service knows no other service."""
        modules = read_checkout()
        self.assertIn("netd.interfaces", {module.name for module in modules})
        self.assertEqual([], House(modules).violations(), "\n" + "\n".join(House(modules).violations()))

    def test_every_row_is_needed(self) -> None:
        """The table speaks of modules that exist, and a row that an earlier one has made useless is found."""
        used = {(layer.modules, pattern) for layer in LAYERS for pattern in layer.modules}
        for module in read_checkout():
            layer = module.layer
            assert layer is not None
            used -= {(layer.modules, pattern) for pattern in layer.modules if _matches(module.name, [pattern])}
        self.assertEqual(set(), {pattern for _modules, pattern in used})

    def test_services_are_known(self) -> None:
        """A new service cannot be forgotten here: each package with a ``service.py`` is one."""
        packages = {path.relative_to(CHECKOUT / "netd").parts[0] for path in CHECKOUT.glob("netd/*/**/service.py")}
        self.assertEqual(set(SERVICES), packages)


class TableTests(SynchronousTestCase):
    """The tester is tested: made-up modules that break one rule each."""

    OTHERS = (
        Module("netd/__init__.py", ""),
        Module("netd/errors.py", ""),
        Module("netd/interfaces.py", ""),
        Module("netd/client/control.py", ""),
        Module("netd/config/options.py", ""),
        Module("netd/relay/__init__.py", ""),
        Module("netd/relay/devices.py", ""),
        Module("netd/relay/service.py", ""),
        Module("netd/session/events.py", ""),
        Module("netd/connection/__init__.py", ""),
        Module("netd/codec/lines.py", ""),
        Module("netd/connection/outbox.py", ""),
    )

    def violations(self, path: str, *lines: str) -> list[str]:
        """What is found when the module at *path* has these lines."""
        return House((*self.OTHERS, Module(path, "\n".join(lines)))).violations()

    def test_pure_module_with_a_clock(self) -> None:
        """The report names file and line, the module's layer, and what it may not import."""
        self.assertEqual(
            ["netd/relay/machine.py:3: netd.relay.machine is pure: it may not import time"],
            self.violations("netd/relay/machine.py", '"""The machine."""', "", "import time"),
        )

    def test_pure_module_with_twisted(self) -> None:
        """An import hidden in a function, or made for type checkers alone, is found like any other."""
        self.assertEqual(
            [
                "netd/relay/machine.py:2: netd.relay.machine is pure: it may not import twisted.internet.reactor",
                "netd/relay/machine.py:4: netd.relay.machine is pure: it may not import autobahn.util.newid",
            ],
            self.violations(
                "netd/relay/machine.py",
                "def later():",
                "    from twisted.internet import reactor",
                "if TYPE_CHECKING:",
                "    from autobahn.util import newid",
            ),
        )

    def test_pure_module_with_a_shell(self) -> None:
        """A machine that reaches for the outbox of its connection is told so; relative imports are no way around."""
        self.assertEqual(
            ["netd/relay/machine.py:1: netd.relay.machine is pure: it may not import netd.connection.outbox, which is shell"],
            self.violations("netd/relay/machine.py", "from ..connection.outbox import Outbox"),
        )
        self.assertEqual(
            ["netd/relay/__init__.py:1: netd.relay is pure: it may not import netd.relay.service, which is assembly"],
            self.violations("netd/relay/__init__.py", "from .service import RelayService"),
        )

    def test_pure_module_within_its_bounds(self) -> None:
        """Vocabulary, codecs, the neighbours of its own package and the harmless standard library are free to use."""
        self.assertEqual(
            [],
            self.violations(
                "netd/relay/machine.py",
                "from __future__ import annotations",
                "import enum",
                "from collections.abc import Iterator",
                "from attrs import frozen",
                "from netd import errors",
                "from netd.relay.devices import Device",
                "from netd.codec import lines",
                "from . import devices",
            ),
        )

    def test_only_one_module_knows_msgspec(self) -> None:
        """The JSON library can be exchanged in one place."""
        self.assertEqual([], self.violations("netd/codec/jsontext.py", "import msgspec"))
        self.assertEqual(
            ["netd/codec/tokens.py:1: netd.codec.tokens is pure: it may not import msgspec"],
            self.violations("netd/codec/tokens.py", "import msgspec"),
        )

    def test_service_with_another_service(self) -> None:
        """Not even the nouns of another service may be used."""
        self.assertEqual(
            [
                "netd/relay/protocol.py:1: netd.relay.protocol may not import netd.session.events: "
                "services meet on the bus, or in the table of operations"
            ],
            self.violations("netd/relay/protocol.py", "from netd.session.events import Sample"),
        )

    def test_options_with_twisted(self) -> None:
        """Options may ask Twisted what an endpoint is, and nothing else."""
        self.assertEqual(
            ["netd/relay/config.py:2: netd.relay.config is options: it may not import twisted.internet.task.Clock"],
            self.violations(
                "netd/relay/config.py",
                "from twisted.internet.endpoints import serverFromString",
                "from twisted.internet.task import Clock",
                "from netd.config.options import option",
            ),
        )

    def test_shell_with_its_assembly(self) -> None:
        """What touches the network is put together by others, and does not know them."""
        self.assertEqual(
            ["netd/relay/protocol.py:1: netd.relay.protocol is shell: it may not import netd.relay.service, which is assembly"],
            self.violations("netd/relay/protocol.py", "import netd.relay.service", "from twisted.internet import protocol"),
        )

    def test_vocabulary_with_the_rest(self) -> None:
        """What everything imports imports nothing of it."""
        self.assertEqual(
            ["netd/message.py:1: netd.message is vocabulary: it may not import netd.codec.lines, which is pure"],
            self.violations("netd/message.py", "from netd.codec.lines import LineDecoder"),
        )

    def test_client_with_the_server(self) -> None:
        """A user of the client library never pulls in the daemon, nor Twisted; the command line may have its colours."""
        self.assertEqual(
            [
                "netd/client/agent.py:1: netd.client.agent is client: it may not import netd.relay.service, which is assembly",
                "netd/client/agent.py:2: netd.client.agent is client: it may not import netd.interfaces, which is vocabulary",
                "netd/client/agent.py:3: netd.client.agent is client: it may not import twisted.internet.reactor",
                "netd/client/agent.py:4: netd.client.agent is client: it may not import rich",
            ],
            self.violations(
                "netd/client/agent.py",
                "from netd.relay.service import RelayService",
                "from netd.interfaces import IBus",
                "from twisted.internet import reactor",
                "import rich",
                "from netd.codec.lines import LineDecoder",
                "from netd.client.control import Control",
            ),
        )
        self.assertEqual([], self.violations("netd/cli/main.py", "import click, rich", "from netd.client.control import Control"))

    def test_relay_client_with_anything(self) -> None:
        """A client of which one file is made needs the standard library alone, and modules of such clients."""
        self.assertEqual(
            ["netd/client/relay.py:2: netd.client.relay is alone: it may not import netd.errors, which is vocabulary"],
            self.violations("netd/client/relay.py", "import socket", "from netd.errors import NetdError"),
        )

    def test_unknown_module(self) -> None:
        """A new kind of module is given a layer before it is given an import."""
        self.assertEqual(
            ["netd/weather.py:1: no layer is named for netd.weather: give it one in tests/test_layers.py"],
            self.violations("netd/weather.py", "import time"),
        )
