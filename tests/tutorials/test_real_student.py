"""The tutorial of a student, with scripts that know nothing of netd."""

from __future__ import annotations

from tests.tutorials.reader import TutorialTestCase


class StudentTests(TutorialTestCase):
    def test_page(self) -> None:
        """Old scripts are served as they are, and one of a student's own by the section that netd has drafted."""
        self.follow("student.md", {"time.sleep(1)": "time.sleep(0.05)", "10s": "3s", "10 s": "3 s"})
