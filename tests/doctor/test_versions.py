"""Tests of ``netd.doctor.versions``: known faults are told of the versions that have them, and of no others."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.doctor.versions import FAULTS, KnownFault, examine_versions

NOW = 1_800_000_000.0


class VersionTests(SynchronousTestCase):
    def test_lines_of_releases(self) -> None:
        """A fault that was mended in two lines of releases is in neither of them from then on, nor in later ones."""
        fault = KnownFault("Python", (3, 11, 0), ((3, 11, 9), (3, 12, 3)), "what", "where")
        bad = [(3, 11, 0), (3, 11, 8), (3, 12, 0), (3, 12, 2)]
        good = [(3, 10, 14), (3, 11, 9), (3, 11, 12), (3, 12, 3), (3, 13, 0)]
        self.assertEqual([version for version in bad + good if fault.is_in(version)], bad)

    def test_told(self) -> None:
        """What the fault does is told, with its source, and which version to take."""
        [found] = examine_versions({"OpenSSL": "3.0.2", "Python": "3.13.1"}, (), NOW)
        self.assertEqual((found.level, found.remedy), ("warning", "update OpenSSL to 3.0.7"))
        self.assertIn("CVE-2022-3602", found.text)

    def test_kinds(self) -> None:
        """A fault of something that is not used is not told."""
        versions = {"Python": "3.11.2"}
        self.assertEqual([found.level for found in examine_versions(versions, ("relay",), NOW)], ["ok"])
        self.assertEqual([found.level for found in examine_versions(versions, ("cluster",), NOW)], ["warning"])

    def test_old_python(self) -> None:
        """A Python that gets no mends any more is told, once that is so."""
        versions = {"Python": "3.11.14"}
        self.assertEqual([found.level for found in examine_versions(versions, (), 1_824_000_000.0)], ["ok"])
        [found] = examine_versions(versions, (), 1_825_000_000.0)
        self.assertEqual((found.level, found.remedy), ("warning", "run netd with a newer Python"))

    def test_sources(self) -> None:
        """Each fault of the table names a source, and versions that are mended, in order."""
        for fault in FAULTS:
            self.assertTrue(fault.source.startswith(("CVE-", "https://")), fault)
            self.assertEqual(list(fault.mended), sorted(fault.mended))
