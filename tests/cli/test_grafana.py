"""Tests of :mod:`netd.cli.grafana`: what it prints is all that Grafana needs."""

from __future__ import annotations

from tests.cli.fakes import CommandTests


class GrafanaCommandTests(CommandTests):
    def serve(self, **gateway: str | None) -> None:
        """Have the daemon tell of such a gateway."""
        self.control.answers["system.status"] = {"services": [{"kind": "relay"}, {"kind": "gateway", **gateway}]}

    def test_file(self) -> None:
        """Standard output is the provisioning file, and nothing else; the steps are beside it."""
        self.serve(url="http://127.0.0.1:8080/", url_for_others="http://10.0.0.2:8080/")
        done = self.netd("grafana")
        self.assertEqual(done.exit_code, 0, done.output)
        lines = done.stdout.splitlines()
        self.assertIn("    url: http://127.0.0.1:8080", lines)
        self.assertIn("    type: graphite", lines)
        self.assertIn("      basicAuthPassword: $NETD_TOKEN", lines)
        self.assertIn("netd token add grafana --role viewer", done.stderr)
        self.assertIn("for a Grafana on another machine, the URL is http://10.0.0.2:8080\n", done.stderr)

    def test_loopback(self) -> None:
        """A gateway that only this machine reaches is told to be such a one."""
        self.serve(url="http://127.0.0.1:8080/", url_for_others=None)
        self.assertIn("cannot reach this gateway: `listen` of [gateway] decides", self.netd("grafana").stderr)

    def test_no_gateway(self) -> None:
        """Without a gateway there is nothing to reach."""
        self.control.answers["system.status"] = {"services": [{"kind": "gateway", "url": None}]}
        done = self.netd("grafana")
        self.assertEqual((done.exit_code, done.stdout), (1, ""))
        self.assertIn("a section [gateway] makes one", done.stderr)
