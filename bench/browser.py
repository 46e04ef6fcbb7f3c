"""Measures how old a sample is when a browser has it: from an agent's TCP segment to a page's ``onmessage``; prints Markdown.

``python bench/browser.py`` needs Linux, Chromium and the Python that netd and playwright are installed in: ``make latency`` has
both. Agent and browser are on one machine and read one clock; the difference that remains is measured and reported, too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import machine
from scenes import BenchError, Server
from servers import default_netd_command, running

from netd.client.control import Control

RATE = 1000
"""Samples a second, each in a segment of its own."""
WARM_UP = 3.0
GOAL = {"p50": 5.0, "p99": 25.0}
"""The greatest ages that pass, in milliseconds."""
CHANNELS = ("x", "y", "z")
INI = """\
[gateway]
listen = tcp:{port}:interface=127.0.0.1
[session]
listen = tcp:{spare}:interface=127.0.0.1
accept_unsolicited = yes
"""

TAP = """\
(() => {
  const ages = (globalThis.ages = []);
  globalThis.isMeasuring = false;
  const now = () => performance.timeOrigin + performance.now();
  globalThis.WebSocket = class extends WebSocket {
    constructor(...parts) {
      super(...parts);
      this.addEventListener("message", ({ data }) => {
        const at = now();
        if (!globalThis.isMeasuring) return;
        const sent = JSON.parse(data).params?.data?.agent_time;
        if (sent) ages.push(at - sent * 1000);
      });
    }
  };
})();
"""
"""A script that runs before those of the page: it notes when each sample comes, before the page sees it."""

LISTEN = """\
() => {
  const socket = new WebSocket(`ws://${location.host}/ws`, "netd.v1");
  const params = { pattern: "session.>" };
  socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "bus.subscribe", params }));
}
"""

PAGES = {"a page that only listens": ("healthz", LISTEN), "the dashboard, drawing three plots": ("#/sessions", None)}


@dataclass(frozen=True)
class Ages:
    """The samples that one page has received.

    :ivar sent: samples that the agent sent during the measurement.
    :ivar ages: the ages of the samples in milliseconds, in ascending order.
    :ivar skew: milliseconds by which the page's clock is ahead of this program's, roughly.
    """

    title: str
    sent: int
    ages: Sequence[float]
    skew: float

    def percentile(self, share: float) -> float:
        """Return the age that the given share of the samples does not exceed."""
        return self.ages[min(len(self.ages) - 1, int(share * len(self.ages)))]


class Agent:
    """Sends :data:`RATE` samples a second, each with the time at which it is sent.

    :ivar sent: the number of samples sent so far.
    """

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._send)
        self._is_over = threading.Event()
        self.sent = 0

    def __enter__(self) -> Agent:
        self._connection.sendall(json.dumps({"channels": {name: {} for name in CHANNELS}}).encode() + b"\n")
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._connection.close()

    def _send(self) -> None:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while not self._is_over.is_set():
                wait = began + self.sent / RATE - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                line = b"%b %d %.6f\n" % (CHANNELS[self.sent % len(CHANNELS)].encode(), self.sent % 100, time.time())
                self._connection.sendall(line)
                self.sent += 1


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A running Chromium.

    :raises BenchError: if Chromium or playwright is missing.
    """
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the error below names the remedy
    except ImportError as error:
        raise BenchError("playwright is missing: pip install 'netd[test]'") from error
    program = shutil.which("chromium")
    if program is None:
        raise BenchError("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield opened
        finally:
            opened.close()


def look(browser: Any, title: str, port: int, agent: Agent, seconds: float) -> Ages:
    """Measure with one page.

    :raises BenchError: if a sample is missing.
    """
    place, script = PAGES[title]
    page = browser.new_context().new_page()
    page.add_init_script(TAP)
    page.goto(f"http://127.0.0.1:{port}/{place}")
    if script is not None:
        page.evaluate(script)
    page.wait_for_timeout(WARM_UP * 1000)
    asked = time.time()
    skew = page.evaluate("performance.timeOrigin + performance.now()") - (asked + time.time()) * 500
    page.evaluate("globalThis.isMeasuring = true")
    before = agent.sent
    page.wait_for_timeout(seconds * 1000)
    sent = agent.sent - before
    page.evaluate("globalThis.isMeasuring = false")
    ages = sorted(page.evaluate("globalThis.ages"))
    page.context.close()
    if len(ages) < 0.98 * sent:
        raise BenchError(f"{title}: {sent} samples were sent, and {len(ages)} came")
    return Ages(title, sent, ages, skew)


def measure(seconds: float) -> list[Ages]:
    """Measure all pages. netd runs on the first CPU that this process may use, agent and browser on any."""
    cpu = min(os.sched_getaffinity(0))
    server = Server("netd", default_netd_command(), INI)
    with tempfile.TemporaryDirectory() as folder, running(server, cpu, Path(folder)) as site:
        with Agent(site.spare) as agent, chromium() as browser:
            found = [look(browser, title, site.port, agent, seconds) for title in PAGES]
        with Control(site.directory / "control.sock") as control:
            bad = sum(session["bad"] for session in control.call("session.list")["rows"])
        if bad:
            raise BenchError(f"netd found {bad} samples bad")
    return found


def markdown(found: Sequence[Ages]) -> str:
    """The report."""
    facts = machine()
    head = f"{facts['CPU']}; {facts['system']}, {facts['Python']}; {facts['date']}. "
    rows = []
    for one in found:
        ages = (*map(one.percentile, (0.5, 0.9, 0.99, 1.0)), statistics.fmean(one.ages), one.skew)
        rows.append(f"| {one.title} | {len(one.ages):,} | {' | '.join(f'{age:.2f}' for age in ages)} |")
    introduction = (
        f"Milliseconds from an agent's TCP segment to `onmessage`, at {RATE:,} samples a second, each in a segment of its own. "
        f"Wanted: p50 at most {GOAL['p50']:g}, p99 at most {GOAL['p99']:g}. "
        "*skew* is how far the page's clock seems to be ahead; the question itself takes some milliseconds."
    )
    table = (
        "| page | samples | p50 | p90 | p99 | greatest | mean | skew |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
    )
    return "\n".join([head + introduction, "", *table])


def main(arguments: Sequence[str]) -> int:
    """Measure. Return the exit status: 1 if the goal is missed, or if the measurement failed."""
    parser = argparse.ArgumentParser(prog="bench/browser.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="measured span of each page (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        found = measure(options.seconds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(markdown(found))
    missed = any(one.percentile(0.5) > GOAL["p50"] or one.percentile(0.99) > GOAL["p99"] for one in found)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
