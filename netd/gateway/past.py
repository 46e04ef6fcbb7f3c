"""The recorder, as the gateway's paths ask it: through the table of operations, so that rights are decided in one place.

The results are those of ``netd.recorder.results``, which the gateway does not import: services meet in the table alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from http import HTTPStatus
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore

from netd.codec.times import BadTime, moment
from netd.console.dispatch import Dispatcher
from netd.errors import InvalidArguments, NetdError, NoSuchOperation, NoSuchTarget, NotInTime, NotPermitted
from netd.gateway.answer import Answer, plain
from netd.gateway.fields import Fields
from netd.gateway.routes import Admission, Handler
from netd.operations import Caller

__all__ = ["PAGE", "Past", "handler_of", "started"]

PAGE = 4096
"""Samples and events that are read at once. The recorder's thread works on them for 2 ms, and may keep the event loop waiting."""

AT_ONCE = 8
"""Questions to the recorder at a time. It answers one after the other, and lets no more than 32 of all callers wait."""

_STATUSES = (
    (NoSuchTarget, HTTPStatus.NOT_FOUND),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (InvalidArguments, HTTPStatus.BAD_REQUEST),
    (NotInTime, HTTPStatus.GATEWAY_TIMEOUT),
)

_NO_RECORDER = plain(
    HTTPStatus.NOT_FOUND, "netd records nothing: a section [recorder] in its configuration, and `netd reload`, make it"
)


def handler_of(handler: Callable[[Admission, Fields], Coroutine[Any, Any, Answer]]) -> Handler:
    """Return a handler of requests that passes their fields to *handler*. An error that it raises becomes the answer."""

    async def answer(admission: Admission) -> Answer:
        try:
            return await handler(admission, Fields.read(admission.head, admission.body))
        except NoSuchOperation:
            return _NO_RECORDER
        except NetdError as error:
            found = (status for kind, status in _STATUSES if isinstance(error, kind))
            return plain(next(found, HTTPStatus.UNPROCESSABLE_ENTITY), " ".join(str(error).split()))

    def start(admission: Admission) -> Deferred[Answer]:
        return Deferred.fromCoroutine(answer(admission))

    return start


async def started(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Return *chunks* once the first of them is there: until then, an error can still be the status of the answer."""
    return _after(await anext(chunks), chunks)


async def _after(first: bytes, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in chunks:
        yield chunk


@frozen
class Past:
    """Asks the recorder. Of many downloads, those that want their next page wait here, so that none of them is refused halfway.

    :ivar wall: the wall clock, in seconds since the epoch.
    """

    dispatcher: Dispatcher
    wall: Callable[[], float]
    _places: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(AT_ONCE))

    def time(self, fields: Fields, name: str, default: str) -> float:
        """Return the time in the field *name*, in seconds since the epoch.

        A relative time is made absolute here: a download of many pages must not move with the clock.

        :raises InvalidArguments: if it is no time.
        """
        try:
            return moment(fields.get(name, default), self.wall())
        except BadTime as error:
            raise InvalidArguments(f"{name}: {error}") from None

    async def call(self, verb: str, caller: Caller, **arguments: Any) -> Any:
        """Return the result of an operation of the recorder. Arguments that are None are left out."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self._places.run(self.dispatcher.call, f"history.{verb}", given, caller)

    async def pages(self, caller: Caller, first: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Yield *first*, and the pages of ``history.read`` behind it."""
        page = first
        while True:
            yield page
            if page.after is None:
                return
            page = await self.call("read", caller, **arguments, after=page.after)

    async def subjects(self, caller: Caller, since: float | None = None) -> list[str]:
        """Return the subjects with samples that the caller may see, sorted.

        A caller that is confined is asked for under each of its own patterns: the recorder refuses a wider one.
        """
        own = caller.principal.subjects
        found: set[str] = set()
        for pattern in (">",) if own is None else own:
            some = await self.call("subjects", caller, pattern=pattern, since=since)
            found |= {one.subject for one in some if one.numeric}
        return sorted(found)
