"""C6: a network that is torn, in namespaces of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.process import CHECKOUT, PATIENCE, RealTestCase


class PartitionTests(RealTestCase):
    def tear(self) -> dict[str, Any]:
        """What became of a link whose network was torn."""
        own = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        command = [*own, sys.executable, "-m", "tests.cluster.partition", str(self.folder)]
        ended = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, check=True, timeout=6 * PATIENCE)
        return dict(json.loads(ended.stdout))

    def test_next_server(self) -> None:
        """When packets vanish while bytes wait to be sent, the next server is in use, and all is sent there."""
        found = self.tear()
        self.assertTrue(found["sent"])
