"""Tests of :mod:`netd.cli.twistd`: becoming the daemon."""

from __future__ import annotations

from pathlib import Path

from tests.cli.fakes import CommandTests


class TwistdTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.python = folder / "python"
        self.twistd = folder / "twistd"
        self.twistd.touch(mode=0o755)

    def becomes(self, *arguments: str) -> list[str]:
        """The arguments of twistd when ``netd ARGUMENTS`` is run."""
        result = self.netd(*arguments)
        self.assertEqual(result.exit_code, 0, result.output)
        program, *rest = self.executed[-1][0]
        self.assertEqual(program, str(self.twistd))
        return rest

    def looks(self, *arguments: str) -> list[str]:
        """What is looked at when ``netd ARGUMENTS`` is run."""
        result = self.netd(*arguments)
        self.assertEqual(result.exit_code, 0, result.output)
        program, *rest = self.executed[-1][0]
        self.assertEqual([program, *rest[:3]], [str(self.python), "-P", "-m", "netd.check"])
        return rest[3:]

    def test_run(self) -> None:
        """``netd run`` is the daemon in the foreground; what it does not know goes to twistd."""
        self.assertEqual(self.becomes("run"), ["-n", "--pidfile=", "netd"])
        self.assertEqual(self.becomes("run", "-c", "lab.ini"), ["-n", "--pidfile=", "netd", "-c", "lab.ini"])
        self.assertEqual(
            self.becomes("run", "--reactor=asyncio", "-c", "lab.ini", "--logfile", "x.log"),
            ["-n", "--pidfile=", "--reactor=asyncio", "--logfile", "x.log", "netd", "-c", "lab.ini"],
        )

    def test_check(self) -> None:
        """``netd check`` becomes the program that reads the configuration, and so has its exit code."""
        self.assertEqual(self.looks("check"), ["check"])
        self.assertEqual(self.looks("check", "--config", "lab.ini"), ["check", "lab.ini"])

    def test_config(self) -> None:
        """``netd config`` shows what is in force, with --origin where it comes from."""
        self.assertEqual(self.looks("config"), ["config"])
        self.assertEqual(self.looks("config", "--origin", "-c", "lab.ini"), ["origin", "lab.ini"])

    def test_state(self) -> None:
        """--state names the directory that the started daemon uses, so that the same --state finds it."""
        self.becomes("--state", "rel", "run")
        self.assertEqual(self.executed[-1][1], {**self.environ, "NETD_STATE_DIRECTORY": str(Path("rel").absolute())})
        self.becomes("run")
        self.assertEqual(self.executed[-1][1], self.environ)

    def test_on_the_path(self) -> None:
        """``twistd`` need not lie beside Python: the PATH is searched, too."""
        self.python = Path("/nowhere/python")
        self.environ["PATH"] = str(self.twistd.parent)
        self.assertEqual(self.becomes("run"), ["-n", "--pidfile=", "netd"])

    def test_not_executable(self) -> None:
        """A file called twistd that cannot be run is not taken for it; without any, the remedy is said."""
        self.twistd.chmod(0o644)
        result = self.netd("run")
        self.assertEqual((result.exit_code, self.executed), (1, []))
        self.assertIn("install netd with its dependencies", result.stderr)
