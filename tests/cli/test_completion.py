"""Tests of :mod:`netd.cli.completion`: what a shell offers."""

from __future__ import annotations

from click.shell_completion import BashComplete

from netd.cli.invocation import Invocation
from netd.cli.main import netd
from netd.client.control import NotRunning
from tests.cli.fakes import CommandTests, argument, operation


class CompletionTests(CommandTests):
    def offered(self, *words: str, incomplete: str = "") -> list[str]:
        """What a shell offers after *words*."""
        arguments = {"obj": Invocation(self._surroundings())}
        found = BashComplete(netd, arguments, "netd", "_NETD_COMPLETE").get_completions(list(words), incomplete)
        return [one.value for one in found]

    def test_scripts(self) -> None:
        """The script of each shell is printed; it asks netd itself."""
        for shell in ("bash", "zsh", "fish"):
            result = self.netd("completion", shell)
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertIn(f"_NETD_COMPLETE={shell}_complete", result.stdout)
        self.assertEqual(self.netd("completion", "csh").exit_code, 2)

    def test_commands(self) -> None:
        """Netd's own commands are offered, and the services of the daemon that runs."""
        self.assertEqual(self.offered(incomplete="re"), ["reports", "replay", "record", "reload", "resume", "restore", "relay"])
        self.assertEqual(self.offered(incomplete="sta"), ["status"])
        self.assertEqual([timeout for _, timeout in self.control.opened], [0.5, 0.5])

    def test_operations(self) -> None:
        """After a service, its operations, and after those, their options."""
        self.assertEqual(self.offered("relay"), ["devices", "send"])
        self.assertEqual(self.offered("--state", "/there", "relay", incomplete="s"), ["send"])
        self.assertEqual(str(self.control.opened[-1][0].parent), "/there")
        self.assertIn("--deadline", self.offered("relay", "send", incomplete="--"))
        self.assertEqual(self.offered("relay", "nonsense"), ["devices", "send"])

    def test_values(self) -> None:
        """Where the words can be listed from which to choose, they are offered; so are the instances."""
        policy = argument("policy", {"enum": ["oldest", "latest"]}, default="oldest")
        wait = argument("wait", {"type": "boolean"}, default=True)
        self.control.answers["system.operations"] = [operation("kiln.heat", policy, wait, instances=["lab", "main"])]
        self.assertEqual(self.offered("kiln", "heat", "--policy", incomplete="l"), ["latest"])
        self.assertEqual(self.offered("kiln", "heat", incomplete="--w"), ["--wait"])
        self.assertEqual(self.offered("kiln", "heat", incomplete="--no"), ["--no-wait"])
        self.assertEqual(self.offered("kiln", "heat", "--instance"), ["lab", "main"])

    def test_feed(self) -> None:
        """The feed's operations are offered after the command of that name, and so are their options."""
        self.control.answers["system.operations"] = [operation("feed.reports"), {**operation("feed.follow"), "lasting": True}]
        self.assertEqual(self.offered("feed", incomplete="re"), ["reports"])
        self.assertNotIn("follow", self.offered("feed"))
        self.assertIn("--instance", self.offered("feed", "reports", incomplete="--"))
        self.assertIn("--dialect", self.offered("feed", incomplete="--d"))

    def test_lasting(self) -> None:
        """What is no command is not offered."""
        self.control.answers["system.operations"] = [{**operation("relay.attach"), "lasting": True}]
        self.assertEqual((self.offered("relay"), self.offered(incomplete="rela")), ([], []))

    def test_without_daemon(self) -> None:
        """Where no daemon can be asked, nothing is said but netd's own."""
        self.control.broken = NotRunning("not here")
        self.assertEqual(self.offered(incomplete="re"), ["reports", "replay", "record", "reload", "resume", "restore"])
        self.assertEqual(self.offered("relay"), [])
        self.assertEqual(self.offered("relay", "send"), [])
        self.offered("feed", "reports", incomplete="--")
        self.assertIn("--dialect", self.offered("feed", incomplete="--d"))
        self.environ["NETD_CONTEXT"] = "nowhere"
        self.assertEqual(self.offered(incomplete="re"), ["reports", "replay", "record", "reload", "resume", "restore"])
        self.assertEqual(self.netd("--help").exit_code, 0)
