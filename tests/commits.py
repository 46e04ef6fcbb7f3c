"""Names the commits that have a subject alone: a reader of the history wants to know why.

``.ci/run`` calls it before anything else.  Commits older than the rule are left alone, which is told by their date, so that a
shallow clone is judged like a whole one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

SINCE = "2026-11-22T00:00:00Z"
"""When the rule began: the committer's date of the first commit that has to have a body, or earlier."""

FORMAT = "%h%x00%s%x00%b%x00%(trailers)%x01"
"""Short hash, subject, body and trailers of a commit; a control character ends each, so that no message can pretend to be two."""


@dataclass(frozen=True)
class Commit:
    """A commit of the history.

    :ivar body: the text below the subject, its trailers included.
    :ivar trailers: the lines at the end of the body that are for programs, such as ``Signed-off-by: …``.
    """

    hash: str
    subject: str
    body: str
    trailers: str = ""

    @property
    def says_why(self) -> bool:
        """Whether people can read more of the commit than its subject."""
        prose = self.body.strip().removesuffix(self.trailers.strip())
        return any(character.isalpha() for character in prose)


def parse_log(text: str) -> Iterator[Commit]:
    """The commits in what ``git log --format=FORMAT`` printed, newest first."""
    for record in text.split("\x01"):
        if record.strip():
            yield Commit(*record.lstrip("\n").split("\x00"))


def read_log() -> str:
    """The commits since the rule began, merges excepted: git writes those by itself.

    :raises subprocess.CalledProcessError: where this is no checkout.
    """
    command = ["git", "log", "--no-merges", f"--since-as-filter={SINCE}", f"--format={FORMAT}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, errors="replace").stdout


def main() -> int:
    """Name the commits without a body; the exit status."""
    bare = [commit for commit in parse_log(read_log()) if not commit.says_why]
    for commit in bare:
        print(f"commit {commit.hash} has a subject alone: {commit.subject!r}", file=sys.stderr)
    if bare:
        print("say below the subject why: git commit --amend, or git rebase -i (CONTRIBUTING.md, Commits)", file=sys.stderr)
    return 1 if bare else 0


if __name__ == "__main__":
    sys.exit(main())
