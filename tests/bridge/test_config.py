"""What a section can say, and which mistakes are found before anything runs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.bridge.grammar import causes_of, read_destinations, resolved
from netd.config import Configuration, parse
from netd.errors import ConfigErrors
from netd.kinds import find_kinds
from netd.reaction.actions import Publish, Run, Send

WIRE = "[wire:shed]\nlisten = loopback:9000\nrules = sample T={temp}\n"

KINDS = {name: kind.config for name, kind in find_kinds().items()}


def read(text: str) -> Configuration:
    """A whole configuration.

    :raises ConfigErrors: with all mistakes.
    """
    return parse(text, "netd.ini", KINDS, {}, 1000, "lab")


def bridge(name: str, source: str, to: str, *more: str) -> str:
    """The text of a section."""
    return "\n".join([f"[bridge:{name}]", f"from = {source}", f"to = {to}", *more, ""])


class TargetTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """A device, a device of another node, a program of a wire, a command, and a subject."""
        written = "relay.main.fan | relay.main@north.fan\nwire.shed.pump\ncommand.lab.spin\ncustom.copies.{3}"
        devices = (Send("relay", "main", "fan"), Send("relay", "main@north", "fan"), Send("wire", "shed", "pump"))
        self.assertEqual(read_destinations(written), (*devices, Run("lab", "spin"), Publish("custom.copies.{3}")))

    def test_words(self) -> None:
        """A number stands for a word of the subject, and a word that names a node becomes one that a target may have."""
        [send, publish] = read_destinations("relay.main.{3} | custom.{2}.x")
        words = ["session", "main@north", "oven", "temp"]
        self.assertEqual(
            (resolved(send, words), resolved(publish, words)),
            (Send("relay", "main", "oven"), Publish("custom.main-north.x")),
        )

    def test_causes(self) -> None:
        """What a message sets off, as far as the configuration shows."""
        [send, run, publish] = read_destinations("relay.main.{3} | command.main.spin | custom.{3}.{4}")
        pattern = "session.main.*.>"
        self.assertEqual(next(iter(causes_of(send, pattern))), "relay.main.sent.*")
        self.assertEqual(list(causes_of(run, pattern)), ["command.main.run"])
        self.assertEqual(list(causes_of(publish, "session.main.oven.*")), ["custom.oven.*"])
        [pump, board] = read_destinations("wire.shed.pump | wire.shed.board@2")
        self.assertEqual(list(causes_of(pump, pattern)), ["wire.shed.said.pump", "wire.shed.sample.pump.*"])
        self.assertEqual(next(iter(causes_of(board, pattern))), "wire.shed.said.board-2")


class MistakeTests(SynchronousTestCase):
    def mistakes(self, text: str) -> str:
        """All mistakes of a configuration."""
        return str(self.assertRaises(ConfigErrors, read, text))

    def test_all_at_once(self) -> None:
        """Each mistake has its place, and what to write instead."""
        told = self.mistakes(
            "[relay]\n[command]\n"
            + bridge("a", "session..temp", "room.main.lobby", "template = {value", "when = hot", "every = 0s")
            + bridge("b", "audit.>", "relay.main")
            + bridge("c", "session.main.oven.temp", "custom.x.{5} | relay.lab.fan", "template = {9}")
            + bridge("d", "session.main.oven.temp", "command.main.spin", "template = speed")
            + bridge("e", "session.main.oven.temp", "webhook https://example.org")
            + bridge("f", "session.main.oven.temp", "wire.shed")
            + bridge("g", "session.main.oven.temp", "wire.shed.pump")
        )
        for wanted in (
            "netd.ini:4: [bridge:a] from: subject pattern",
            "netd.ini:5: [bridge:a] to: 'room.main.lobby' is no target; bots hear each other alone",
            "netd.ini:6: [bridge:a] template: expected '}'",
            "netd.ini:7: [bridge:a] when: 'hot' is no condition; write as in `> 30`",
            "netd.ini:8: [bridge:a] every:",
            "netd.ini:10: [bridge:b] from: a bridge cannot follow audit.…",
            "netd.ini:11: [bridge:b] to: 'relay.main' is no target; write relay.main.NAME",
            "netd.ini:14: [bridge:c] to: custom.x.{5}: there is no word {5}; session.main.oven.temp has 4 words",
            "netd.ini:14: [bridge:c] to: there is no section [relay:lab]; add one",
            "netd.ini:15: [bridge:c] template: there is no word {9}",
            "netd.ini:19: [bridge:d] template: 'speed' is no argument of a command; write as in speed={value}",
            "netd.ini:22: [bridge:e] to: 'webhook https://example.org' is no target; alerts post webhooks",
            "netd.ini:25: [bridge:f] to: 'wire.shed' is no target; write wire.shed.NAME",
            "netd.ini:28: [bridge:g] to: there is no section [wire:shed]; add one",
        ):
            self.assertIn(wanted, told)

    def test_loops(self) -> None:
        """A bridge that follows what it sets off, by itself or by others and alerts, is refused."""
        for text, why in (
            (bridge("a", "custom.>", "custom.x"), "[bridge:a] to: sets off events under custom.>, which this section follows"),
            ("[relay]\n" + bridge("a", "relay.main.said.*", "relay.main.fan"), "sets off events under relay.main.said.*"),
            (WIRE + bridge("a", "wire.shed.sample.*.temp", "wire.shed.{4}"), "sets off events under wire.shed.sample.*.temp"),
            (
                bridge("a", "custom.a", "custom.b")
                + bridge("c", "custom.*", "command.main.x")
                + "[command]\n"
                + bridge("b", "custom.b", "custom.a"),
                "[bridge:b] to: events would run in a circle, from [bridge:a] to [bridge:b] to [bridge:a]; take one of them out",
            ),
            (
                bridge("a", "alert.hot.>", "custom.hot") + "[alert:hot]\nwhen = custom.* > 30\n",
                "[alert:hot] when: events would run in a circle, from [bridge:a] to [alert:hot] to [bridge:a]",
            ),
        ):
            self.assertIn(why, self.mistakes(text))
            self.assertEqual(self.mistakes(text).count("circle") + self.mistakes(text).count("sets off"), 1)

    def test_chains(self) -> None:
        """Bridges behind each other are none, and alerts that tell each other changes are left alone."""
        text = bridge("a", "custom.a", "custom.b") + bridge("b", "custom.b", "custom.c")
        text += WIRE + bridge("w", "wire.shed.sample.oven.temp", "wire.shed.fan")
        alerts = (
            "[alert:x]\nwhen = custom.d > 1\nthen = publish custom.e\n[alert:y]\nwhen = custom.e > 1\nthen = publish custom.d\n"
        )
        self.assertEqual(len(read(text + alerts).sections), 6)

    def test_from(self) -> None:
        """`from`, a word of Python's own, is an option like any other, also in what `netd config` shows."""
        found = read(bridge("a", "session.*.oven.temp", "custom.x", "template = off"))
        config = found.sections[0].config
        self.assertEqual((config.from_, config.template), ("session.*.oven.temp", "off"))  # type: ignore[attr-defined]
        self.assertIn("[bridge:a] from = session.*.oven.temp ; netd.ini:2", found.origin_lines())
