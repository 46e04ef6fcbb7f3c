"""Tests of :mod:`netd.cli.completion` and :mod:`netd.cli.reports`: what a shell offers, and the feed's reports."""

from __future__ import annotations

import json

from click.shell_completion import BashComplete

from netd.cli.invocation import Invocation
from netd.cli.main import netd
from netd.client.control import NoSuchOperation, NotRunning
from tests.cli.fakes import CommandTests


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
        self.assertEqual(self.offered(incomplete="re"), ["reports", "relay"])
        self.assertEqual(self.offered(incomplete="sta"), ["status"])
        self.assertEqual([timeout for _, timeout in self.control.opened], [0.5, 0.5])

    def test_operations(self) -> None:
        """After a service, its operations, and after those, their options."""
        self.assertEqual(self.offered("relay"), ["devices", "send"])
        self.assertEqual(self.offered("--state", "/there", "relay", incomplete="s"), ["send"])
        self.assertEqual(str(self.control.opened[-1][0].parent), "/there")
        self.assertIn("--deadline", self.offered("relay", "send", incomplete="--"))
        self.assertEqual(self.offered("relay", "nonsense"), ["devices", "send"])

    def test_without_daemon(self) -> None:
        """Where no daemon can be asked, nothing is said but netd's own."""
        self.control.broken = NotRunning("not here")
        self.assertEqual(self.offered(incomplete="re"), ["reports"])
        self.offered("relay")
        self.environ["NETD_CONTEXT"] = "nowhere"
        self.assertEqual(self.offered(incomplete="re"), ["reports"])
        self.assertEqual(self.netd("--help").exit_code, 0)


class ReportsTests(CommandTests):
    def test_reports(self) -> None:
        """The reports are a table, or JSON; of the instance that is meant."""
        self.control.answers["feed.reports"] = [{"client": "client-1", "blocks": 3}]
        self.assertEqual(self.netd("reports").stdout.splitlines()[1].split(), ["client-1", "3"])
        self.assertEqual(json.loads(self.netd("reports", "--json", "--instance", "b").stdout)[0]["blocks"], 3)
        self.assertEqual(self.control.calls, [("feed.reports", {}), ("feed.reports", {"instance": "b"})])

    def test_no_feed(self) -> None:
        """A daemon without a feed has none: 3."""
        self.control.answers["feed.reports"] = NoSuchOperation("no operation 'feed.reports'", -32601)
        self.assertEqual(self.netd("reports").exit_code, 3)
