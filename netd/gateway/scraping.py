"""``/metrics``: the status of the daemon and measured values, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from twisted.internet.defer import Deferred

from netd.codec.jsontext import to_plain
from netd.console.dispatch import Dispatcher
from netd.gateway.answer import Answer
from netd.gateway.guard import SCRAPE
from netd.gateway.metrics import MeasuredValues, exposition, format_for
from netd.gateway.routes import READING, Access, Admission, SiteRoute
from netd.principal import Principal

__all__ = ["Scraping"]


class Scraping:
    """Answers whoever reads the metrics.

    :param measured: returns the measured values that somebody may see.
    """

    def __init__(self, dispatcher: Dispatcher, measured: Callable[[Principal], MeasuredValues | None]) -> None:
        self._dispatcher = dispatcher
        self._measured = measured

    def routes(self) -> dict[str, SiteRoute]:
        """Return the path."""
        return {"/metrics": SiteRoute(READING, Access.KNOWN, self._metrics, action=SCRAPE)}

    def _metrics(self, admission: Admission) -> Deferred[Answer]:
        def answer(facts: object) -> Answer:
            text = exposition(to_plain(facts), wanted, measured=self._measured(admission.principal))
            return Answer(HTTPStatus.OK, text, wanted, extra=(("Vary", "Accept"),))

        wanted = format_for(admission.head.get("accept"))
        return self._dispatcher.call("system.status", {}, admission.caller).addCallback(answer)
