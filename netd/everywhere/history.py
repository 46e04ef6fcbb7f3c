"""The past of all nodes: ``history.…`` without an instance asks the recorder of each node, and merges the answers.

A node that does not answer in time delays the answer by :data:`PATIENCE` at most. It is named as a gap, and by ``history.nodes``.
The recorders of other nodes are found in the table of operations, like everything else there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList, fail, inlineCallbacks, maybeDeferred
from twisted.python.failure import Failure

from netd.cluster.address import is_far, split_instance
from netd.cluster.rights import names_node
from netd.codec.times import BadTime, period
from netd.codec.units import Epoch
from netd.errors import InvalidArguments, NotInTime, OperationFailed
from netd.everywhere.merging import (
    NodeAnswer,
    merged_events,
    merged_points,
    merged_runs,
    merged_series,
    page_items,
    patterns_for,
    read_answer,
    unanswered_gap,
)
from netd.everywhere.slices import SlicedPlace
from netd.operations import EVERYWHERE, Caller, Operation, OperationTable, Role, default_instance
from netd.recorder.query import MOST_SERIES
from netd.recorder.results import Gap, HistoryPage, HistoryPoints, PastEvent, RunFacts, SeriesFacts

__all__ = ["PATIENCE", "EverywhereHistory", "RecorderNode"]

PATIENCE = 3.0
"""Seconds within which the recorder of another node answers."""

MOST_PAGES = 500
"""Pages of recorders that are looked into for one page of ``history.read``. There may be nothing in any of them."""

QUESTION = "history.query"

Time = float | str


@frozen(slots=False)
class RecorderNode:
    """A node with a recorder.

    :ivar node: its name; empty for this node.
    :ivar answers: whether it has answered the last question in time; null before the first.
    :ivar why: the reason why not.
    """

    node: str
    instance: str
    answers: bool | None
    why: str
    asked: Epoch | None


@frozen
class _Source:
    """A recorder that is asked: its name on this node, and what it is asked for."""

    instance: str
    node: str
    patterns: list[str]


def _operation(verb: str, function: Callable[..., object], summary: str) -> Operation:
    return Operation(f"history.{verb}", function, Role.VIEWER, summary, spans_services=True, kind="recorder")


@define(eq=False)
class EverywhereHistory:
    """Asks the recorders of all nodes. Its operations stand in *table* while another node has a recorder.

    :param wall: the wall clock, in seconds since the epoch.
    """

    table: OperationTable
    reactor: Any
    wall: Callable[[], float]
    _offered: list[Operation] = field(factory=list, init=False)
    _nodes: dict[str, RecorderNode] = field(factory=dict, init=False)
    _nodes_listed: Operation = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._nodes_listed = _operation("nodes", self.nodes, "List the nodes that record, and whether they answer")

    def changed(self, instance: str) -> None:
        """The operations of *instance* are others now."""
        if instance == EVERYWHERE:
            return
        has_others = any(is_far(one) for one in self.table.offering(QUESTION) if one != EVERYWHERE)
        if has_others is not bool(self._offered):
            before, self._offered = self._offered, self._operations() if has_others else []
            self.table.replace(before, self._offered, EVERYWHERE)
            # No recorder offers the list of recorders, and what is offered everywhere alone stands in no list of operations.
            self.table.replace([self._nodes_listed] if before else [], [self._nodes_listed] if has_others else [])

    def _operations(self) -> list[Operation]:
        told = (
            ("subjects", self.subjects, "List what is recorded: subjects, units, times"),
            ("query", self.query, "Show the past of numbers, in so many points"),
            ("read", self.read, "Read all samples and events of a time, page by page"),
            ("events", self.events, "List past events, newest first"),
            ("runs", self.runs, "List the runs, newest first"),
        )
        return [_operation(verb, function, text) for verb, function, text in told]

    def subjects(self, caller: Caller, pattern: str | list[str] = ">", since: Time | None = None) -> Deferred[list[SeriesFacts]]:
        """See :meth:`netd.recorder.history.History.subjects`."""
        asked = self._ask(caller, "subjects", self._sources(caller, pattern), since=since)
        return asked.addCallback(lambda found: merged_series(found[0]))

    def query(
        self,
        caller: Caller,
        pattern: str | list[str],
        begin: Time = "-1h",
        end: Time = "now",
        points: int = 1000,
        run: int | None = None,
        clock: Literal["netd", "agent"] = "netd",
    ) -> Deferred[HistoryPoints]:
        """See :meth:`netd.recorder.history.History.query`. A node that has not answered is a gap."""
        times = self._times(begin, end)
        sources = self._sources(caller, pattern, run)
        asked = self._ask(caller, "query", sources, **times, points=points, run=run, clock=clock)
        return asked.addCallback(self._merged_points, caller, sources, times)

    @inlineCallbacks
    def _merged_points(
        self, found: tuple[list[NodeAnswer], dict[str, str]], caller: Caller, sources: list[_Source], times: dict[str, float]
    ) -> Any:
        answers, missing = found
        gaps = yield self._gaps(caller, sources, missing, times)
        merged = merged_points(answers, gaps)
        if len(merged.series) > MOST_SERIES:
            raise OperationFailed(f"{len(merged.series)} series of all nodes are more than {MOST_SERIES}; ask for fewer")
        return merged

    def events(
        self,
        caller: Caller,
        pattern: str | list[str] = ">",
        begin: Time = "-1d",
        end: Time = "now",
        contains: str | None = None,
        newest: int = 100,
        run: int | None = None,
    ) -> Deferred[list[PastEvent]]:
        """See :meth:`netd.recorder.history.History.events`."""
        sources, times = self._sources(caller, pattern, run), self._times(begin, end)
        asked = self._ask(caller, "events", sources, **times, contains=contains, newest=newest, run=run)
        return asked.addCallback(lambda found: merged_events(found[0], newest))

    def runs(self, caller: Caller, contains: str | None = None, newest: int = 50) -> Deferred[list[RunFacts]]:
        """See :meth:`netd.recorder.history.History.runs`. Each node counts its own; those of others tell their ``instance``."""
        asked = self._ask(caller, "runs", self._sources(caller, None), contains=contains, newest=newest)
        return asked.addCallback(lambda found: merged_runs(found[0], newest))

    def nodes(self) -> list[RecorderNode]:
        """Return the nodes that record, this one first, and whether each has answered the last question that it was asked."""
        asked = [
            self._nodes.get(one.instance) or RecorderNode(one.node, one.instance, None, "", None) for one in self._recorders()
        ]
        return sorted(asked, key=lambda one: one.node)

    @inlineCallbacks
    def read(
        self,
        caller: Caller,
        pattern: str | list[str],
        begin: Time = "-1h",
        end: Time = "now",
        run: int | None = None,
        after: str | None = None,
        limit: int = 10_000,
    ) -> Any:
        """See :meth:`netd.recorder.history.History.read`. Slice by slice of the time, one node comes after the other.

        A node that has not answered at the beginning is a gap. One that does not answer later fails the call.
        """
        sources = {one.instance: one for one in self._sources(caller, pattern, run)}
        if run is not None:
            [(instance, source)] = sources.items()
            arguments = {"pattern": source.patterns, "run": run, "after": after, "limit": limit}
            return (yield self._call(instance, "read", caller, arguments))
        gaps: list[Gap] = []
        if after is None:
            times = self._times(begin, end)
            answers, missing = yield self._ask(caller, "read", list(sources.values()), **times, limit=1)
            gaps = yield self._gaps(caller, list(sources.values()), missing, times)
            gaps = [gap for answer in answers for gap in page_items(answer, answers)[2]] + gaps
            place = SlicedPlace(times["begin"], times["end"], [answer.instance for answer in answers])
        else:
            place = SlicedPlace.read(after)
        asked = [NodeAnswer(instance, None) for instance in place.instances]
        items: list[Any] = []
        count, pages, goes_on = 0, 0, True
        while goes_on and count < limit and pages < MOST_PAGES:
            pages += 1
            instance = place.instances[place.at]
            if instance not in sources:
                raise InvalidArguments(f"after: {instance!r:.80} is no recorder that was asked for this")
            first, last = place.times
            arguments = {"pattern": sources[instance].patterns, "begin": first, "end": last}
            arguments |= {"after": place.after, "limit": limit - count}
            page = yield self._in_time(instance, self._call(instance, "read", caller, arguments))
            some, following, _ = page_items(NodeAnswer(instance, page), asked)
            items += some
            count += sum(len(getattr(item, "times", (0,))) for item in some)
            goes_on = place.step(following)
        return HistoryPage(items, str(place) if goes_on else None, gaps)

    # The recorders

    def _recorders(self) -> list[_Source]:
        """Return the recorder of each node, this one's first: the default one, where there are several."""
        offering = [instance for instance in self.table.offering(QUESTION) if instance != EVERYWHERE]
        nodes = sorted({split_instance(instance)[1] for instance in offering})
        found = [(node, default_instance(offering, node)) for node in nodes]
        return [_Source(instance, node, []) for node, instance in found if instance is not None]

    def _sources(self, caller: Caller, pattern: str | list[str] | None, run: int | None = None) -> list[_Source]:
        """Return the recorders that a question is for, each with its patterns.

        :raises InvalidArguments: if there are none.
        """
        own = caller.principal.subjects
        patterns = [">"] if pattern is None else [pattern] if isinstance(pattern, str) else pattern
        found = []
        for source in self._recorders():
            if run is not None and source.node:  # the number is that of a run of this node
                continue
            if source.node and own is not None and not names_node(own, source.node):
                continue
            try:
                its = patterns_for(patterns, source.node)
            except ValueError as error:
                raise InvalidArguments(f"pattern: {error}") from None
            if its:
                found.append(_Source(source.instance, source.node, its))
        if not found:
            what = f"the run {run} of another node takes its `instance`" if run is not None else "no node records such subjects"
            raise InvalidArguments(f"{what}; `history.nodes` lists the recorders")
        return found

    def _times(self, begin: Time, end: Time) -> dict[str, float]:
        """Return the times of a question as numbers: the clocks of nodes differ, and all are to mean the same time."""
        try:
            first, last = period(begin, end, self.wall())
        except BadTime as error:
            raise InvalidArguments(str(error)) from None
        return {"begin": first, "end": last}

    @inlineCallbacks
    def _ask(self, caller: Caller, verb: str, sources: list[_Source], **arguments: Any) -> Any:
        """Ask all *sources*. Return the answers, and for each node that gave none, the reason.

        :raises NetdError: if this node cannot answer, or none does.
        """
        given = [arguments if verb == "runs" else {**arguments, "pattern": source.patterns} for source in sources]
        asked = [
            self._in_time(source.instance, self._call(source.instance, verb, caller, its))
            for source, its in zip(sources, given, strict=True)
        ]
        ended = yield DeferredList(asked, consumeErrors=True)
        answers, missing = [], {}
        for source, (is_answer, result) in zip(sources, ended, strict=True):
            if is_answer:
                answers.append(NodeAnswer(source.instance, result))
            elif source.node:
                missing[source.node] = str(result.value)
            else:
                result.raiseException()
        if not answers:
            ended[0][1].raiseException()
        return answers, missing

    @inlineCallbacks
    def _gaps(self, caller: Caller, sources: list[_Source], missing: dict[str, str], times: dict[str, float]) -> Any:
        """Return the gaps that the nodes in *missing* leave: each from the end of what is kept here."""
        if not missing:
            return []
        kept: dict[str, float] = {}
        for source in sources:
            if not source.node:
                for one in (yield self._call(source.instance, "subjects", caller, {"pattern": source.patterns})):
                    if is_far(one.subject):
                        node = split_instance(one.subject.split(".")[1])[1]
                        kept[node] = max(one.last, kept.get(node, 0.0))
        begins = {node: max(times["begin"], kept.get(node, 0.0)) for node in missing}
        return [
            unanswered_gap(node, begins[node], times["end"], why) for node, why in missing.items() if begins[node] < times["end"]
        ]

    def _call(self, instance: str, verb: str, caller: Caller, arguments: dict[str, Any]) -> Deferred[Any]:
        """Call an operation of one recorder."""
        operation = self.table.offering(f"history.{verb}").get(instance)
        if operation is None:
            return fail(OperationFailed(f"{instance} is no recorder any more"))
        bound = {one.name: arguments.get(one.name, one.default) for one in operation.arguments}
        asked = maybeDeferred(operation.function, **bound, **{str(operation.caller): caller.calling(operation.action)})
        return asked.addCallback(read_answer, verb) if is_far(instance) else asked

    def _in_time(self, instance: str, asked: Deferred[Any]) -> Deferred[Any]:
        """Return a Deferred that fires with *asked*, or fails after :data:`PATIENCE` if that is another node's."""
        node = split_instance(instance)[1]
        ended: Deferred[Any] = Deferred()
        late = NotInTime(f"it did not answer within {PATIENCE:g} s")
        timer = self.reactor.callLater(PATIENCE, _end, ended, Failure(late)) if node else None

        def note(result: Any) -> None:
            if timer is not None and timer.active():
                timer.cancel()
            _end(ended, result)

        def told(result: Any) -> Any:
            why = str(result.value).removesuffix("; nothing was sent") if isinstance(result, Failure) else ""
            self._nodes[instance] = RecorderNode(node, instance, not why, why, self.wall())
            return result

        asked.addBoth(note)
        return ended.addBoth(told)


def _end(ended: Deferred[Any], result: Any) -> None:
    if not ended.called:
        ended.callback(result)
