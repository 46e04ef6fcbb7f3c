"""Tests of ``netd.gateway.graphite.answers``: the requests of Grafana's data source, as its source writes them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from netd.operations import Role
from tests.gateway.recorded import NOW, RecordedTestCase
from tests.gateway.visits import bearer, get, post

FORM = "application/x-www-form-urlencoded"

AUDITED = {
    "who": "eva",
    "operation": "relay.send",
    "arguments": {"target": "lamp", "text": "on"},
    "outcome": "failed",
    "error": "no answer",
}


class GrafanaTestCase(RecordedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.authorization = f"Authorization: Basic {b64encode(f'grafana:{self.token()}'.encode()).decode()}"

    def posted(self, path: str, **form: Any) -> Any:
        """The answer to a form, posted as Grafana's backend does."""
        body = urlencode(form, doseq=True).encode()
        headers = ("User-Agent: Grafana/12.0.0", "Accept-Encoding: gzip", self.authorization)
        reply = self.fetch(post(body, *headers, kind=FORM, path=path))
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "application/json"), reply.body)
        return json.loads(reply.body)

    def got(self, path: str, *headers: str) -> Any:
        """The answer to a GET."""
        reply = self.fetch(get(path, *(headers or (self.authorization,))))
        self.assertEqual(reply.status, 200, reply.body)
        return json.loads(reply.body)

    def render(self, *targets: str, **form: Any) -> Any:
        """Series of the last minute, one second a point."""
        asked = {"from": int(NOW - 60), "until": int(NOW), "format": "json", "maxDataPoints": 60, **form}
        return self.posted("/render", target=targets, **asked)


def recorded(method: str, path: str, body: str = "", *headers: str) -> bytes:
    """A request as Go's HTTP client writes it for Grafana's backend."""
    length = [f"Content-Length: {len(body)}"] if body else []
    kind = [f"Content-Type: {FORM}"] if body else []
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost:8080", "User-Agent: Grafana/12.1.0", *length, *headers, *kind]
    return "\r\n".join([*lines, "Accept-Encoding: gzip", "", body]).encode()


class RecordedTests(GrafanaTestCase):
    """The texts of requests, in the spelling of Grafana's backend (keys sorted, all signs escaped) and of older ones' pages."""

    def test_texts(self) -> None:
        """Each request that Grafana makes is answered in the shape that it reads."""
        begin, end = int(NOW - 3600), int(NOW)
        escaped = "aliasByNode%28session.main.%2A.temp%2C+2%29"
        for method, path, body, shape in (
            ("POST", "/render", f"format=json&from={begin}&maxDataPoints=100&target=constantLine%28100%29&until={end}", list),
            ("POST", "/render", f"format=json&from={begin}&maxDataPoints=1188&target={escaped}&until={end}", list),
            (
                "POST",
                "/render",
                "target=aliasByNode(session.main.*.temp%2C%202)&from=-5min&until=now&format=json&maxDataPoints=9",
                list,
            ),
            ("POST", "/render", "target=consolidateBy(session.main.*.temp%2C%20'max')&from=-1h&until=now&format=json", list),
            ("POST", f"/metrics/find?from={begin}&until={end}", "query=session.main.%2A", list),
            ("GET", f"/metrics/find?query=session.main.*&from={begin}&until={end}", "", list),
            ("GET", f"/metrics/expand?from={begin}&query=session.main.%2A&until={end}", "", dict),
            ("GET", f"/events/get_data?from={begin}&tags=note&until={end}", "", list),
            ("GET", "/events/get_data?from=-6h&until=now", "", list),
            ("GET", "/functions", "", dict),
            ("GET", "/version", "", str),
            ("GET", "/tags/autoComplete/tags?expr=&limit=10000", "", list),
        ):
            reply = self.fetch(recorded(method, path, body, self.authorization))
            self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "application/json"), (path, body, reply.body))
            answer = json.loads(reply.body)
            self.assertIsInstance(answer, shape)
            if path == "/render":
                self.assertTrue(answer, body)
                self.assertEqual({tuple(series) for series in answer}, {("target", "datapoints")})
                points = [point for series in answer for point in series["datapoints"]]
                self.assertTrue(all(isinstance(time, int) for _, time in points), body)
                self.assertTrue(all(value is None or isinstance(value, float) for value, _ in points), body)


class RenderTests(GrafanaTestCase):
    def test_health(self) -> None:
        """The button "Save & test" asks for a constant line over the last hour."""
        form = {"format": "json", "from": int(NOW - 3600), "maxDataPoints": 100, "target": "constantLine(100)"}
        [series] = self.posted("/render", **form, until=int(NOW))
        self.assertEqual((series["target"], 90 < len(series["datapoints"]) <= 100), ("100", True))
        self.assertEqual({value for value, _ in series["datapoints"]}, {100.0})

    def test_series(self) -> None:
        """A panel gets a value a second, and null where there is none."""
        [series] = self.render("session.main.greenhouse.temp")
        self.assertEqual(series["target"], "session.main.greenhouse.temp")
        points = series["datapoints"]
        self.assertEqual(
            (len(points), points[0], points[9], points[10]), (60, [20.0, NOW - 60], [29.0, NOW - 51], [None, NOW - 50])
        )

    def test_wildcards(self) -> None:
        """A target with wildcards is as many series as there are subjects, named as the functions say."""
        found = self.render("aliasByNode(session.main.*.temp, 2)", "alias(session.main.{greenhouse,x}.door,'door')")
        self.assertEqual([series["target"] for series in found], ["cellar", "greenhouse", "door"])
        self.assertEqual(self.render("session.none.*"), [])

    def test_consolidation(self) -> None:
        """Of several samples in a point, the least, the greatest or the mean is drawn."""
        begin = int(NOW) // 6 * 6 - 60  # on a place of a grid of 6 s
        for way, value in (("min", 20.0), ("max", 23.0), ("sum", 86.0), ("average", 21.5)):
            target = f"consolidateBy(session.main.greenhouse.temp,'{way}')"
            [series] = self.render(target, maxDataPoints=10, **{"from": begin, "until": begin + 60})
            self.assertEqual(series["datapoints"][0][0], value, way)

    def test_few_points(self) -> None:
        """A narrow panel gets no more points than it has room for, though the recorder makes ten at least."""
        begin = int(NOW) // 30 * 30 - 60
        times = {"from": begin, "until": begin + 60}
        for most in (2, 5):
            [series] = self.render("session.main.greenhouse.temp", maxDataPoints=most, **times)
            self.assertEqual(len(series["datapoints"]), most)
        [series] = self.render("consolidateBy(session.main.greenhouse.temp,'max')", maxDataPoints=2, **times)
        self.assertEqual(max(value for value, _ in series["datapoints"] if value is not None), 29.0)

    def test_get(self) -> None:
        """A person tries it with a browser, with times as Graphite's pages have them."""
        [series] = self.got("/render?target=session.main.cellar.temp&from=-1min&until=now&format=json")
        self.assertEqual(sum(value is not None for value, _ in series["datapoints"]), 4)
        self.assertEqual(self.got("/render?from=22:12_20231114&until=now"), [])

    def test_mistakes(self) -> None:
        """An unknown function is an error that Grafana shows; nothing is drawn in its place."""
        for form, told in (
            ({"target": "derivative(a.b)"}, "netd does not know the function 'derivative'"),
            ({"target": "a.b", "format": "png"}, "format: 'png' is none of json"),
            ({"target": "a.b", "from": "tomorrow"}, "from: "),
            ({"target": "a.b", "from": "now", "until": "-1h"}, "from: it has to be before until"),
            ({"target": ["a.b"] * 101}, "a request has at most 100 targets"),
        ):
            reply = self.fetch(post(urlencode(form, doseq=True).encode(), self.authorization, kind=FORM, path="/render"))
            self.assertEqual(reply.status, 400, form)
            self.assertIn(told, reply.text)

    def test_too_many_series(self) -> None:
        """A target for hundreds of series says how many there are."""
        self.record({f"custom.s{number}": ("", [(NOW - 5, 1.0)]) for number in range(201)})
        reply = self.fetch(post(b"target=custom.*", self.authorization, kind=FORM, path="/render"))
        self.assertIn("the targets stand for 201 series, and at most 200", reply.text)

    def test_body(self) -> None:
        """A body that is no form is refused."""
        self.assertEqual(self.fetch(post(b"{}", self.authorization, path="/render")).status, 415)


class FindTests(GrafanaTestCase):
    def test_find(self) -> None:
        """The query editor walks down the tree."""
        self.assertEqual([one["text"] for one in self.posted("/metrics/find", query="*")], ["session"])
        found = self.posted(f"/metrics/find?from={int(NOW - 3600)}&until={int(NOW)}", query="session.main.greenhouse.*")
        self.assertEqual([(one["text"], one["leaf"]) for one in found], [("door", 1), ("temp", 1)])
        self.assertEqual(self.got("/metrics/find?query=session.main.*")[0]["id"], "session.main.cellar")
        self.assertEqual(len(self.posted("//metrics/find", query="*")), 1, "the URL in Grafana's form ends in a slash")

    def test_expand(self) -> None:
        """A variable can be made of whole names."""
        self.assertEqual(
            self.got("/metrics/expand?query=session.main.*"), {"results": ["session.main.cellar", "session.main.greenhouse"]}
        )

    def test_no_query(self) -> None:
        """A request without its query says what is missing."""
        self.assertEqual(self.fetch(get("/metrics/find", self.authorization)).status, 400)

    def test_abilities(self) -> None:
        """Grafana asks for version, functions and tags, and gets what there is of them."""
        self.assertEqual((self.got("/version"), self.got("/functions")), ("1.1.8", {}))
        self.assertEqual(self.got("/tags/autoComplete/tags?expr=&limit=100"), [])
        self.assertEqual(self.got("/tags/autoComplete/values?expr=&tag=x"), [])


class EventTests(GrafanaTestCase):
    def asked_for(self, tags: str = "", *headers: str) -> list[str]:
        """What happened, of the events that have these tags."""
        asked = f"/events/get_data?from={int(NOW - 3600)}&until={int(NOW)}"
        return [one["what"] for one in self.got(f"{asked}&tags={tags}" if tags else asked, *headers)]

    def test_events(self) -> None:
        """Runs, notes and what operators did are annotations, in the order of time."""
        self.record({}, [("audit.main.relay.send", NOW - 15, AUDITED)])
        everything = ["run 1, night begins", "run 1, night ends", "window opened", "eva: relay.send", "cold"]
        self.assertEqual(self.asked_for(), everything)
        self.assertEqual(self.asked_for("note"), ["window opened", "cold"])
        self.assertEqual(self.asked_for("run,1"), everything[:2])
        self.assertEqual(self.asked_for("audit%20relay.send"), ["eva: relay.send"])
        self.assertEqual(self.asked_for("nothing"), [])
        self.record(
            {}, [("audit.main.system.stop", NOW - 14, {"who": "", "from": "gateway 10.0.0.5:4", "operation": "system.stop"})]
        )
        self.assertEqual(self.asked_for("system.stop"), ["gateway 10.0.0.5:4: system.stop"])

    def test_shape(self) -> None:
        """An annotation has the members that Grafana reads."""
        self.record({}, [("audit.main.relay.send", NOW - 15.5, AUDITED)])
        [found] = self.got(f"/events/get_data?from={int(NOW - 16)}&until={int(NOW - 14)}&tags=audit")
        self.assertEqual(
            found,
            {
                "when": int(NOW - 15.5),
                "what": "eva: relay.send",
                "tags": ["audit", "relay.send"],
                "data": "target lamp, text on; failed: no answer",
            },
        )


class ConfinedTests(GrafanaTestCase):
    """A token for the cellar alone."""

    def setUp(self) -> None:
        super().setUp()
        self.record({}, [("audit.main.relay.send", NOW - 15, AUDITED)])
        self.authorization = bearer(self.token("cellar", Role.VIEWER, "session.main.cellar.>"))

    def test_render(self) -> None:
        """Series of others are not drawn, whatever the target is."""
        for target in ("*.*.*.*", "session.main.*.temp", "session.main.{cellar,greenhouse}.temp"):
            self.assertEqual([series["target"] for series in self.render(target)], ["session.main.cellar.temp"], target)
        self.assertEqual(self.render("session.main.greenhouse.temp"), [])

    def test_find(self) -> None:
        """Others are not in the tree."""
        self.assertEqual([one["text"] for one in self.posted("/metrics/find", query="session.main.*")], ["cellar"])
        self.assertEqual(self.got("/metrics/expand?query=*.*.*"), {"results": ["session.main.cellar"]})

    def test_events(self) -> None:
        """Notes of others, runs of all and the audit are not shown."""
        found = self.got(f"/events/get_data?from={int(NOW - 3600)}&until={int(NOW)}")
        self.assertEqual([one["what"] for one in found], ["cold"])
