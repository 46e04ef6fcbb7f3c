"""The rows of the services that people and devices come to: relay, room, session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.operations import Role
from tests.contract import company
from tests.contract.cases import THERE, Case, Code, Fault, Row, invalid
from tests.contract.patterns import Holding, Octets

__all__ = ["RELAY", "ROOM", "SESSION"]

LAMP: Mapping[str, Any] = {
    "name": "lamp",
    "address": str,
    "online": True,
    "generation": int,
    "since": float,
    "last_seen": float,
    "aliases": ["light"],
    "answers": True,
}

FULL: Mapping[str, Any] = {
    "room": THERE,
    "state": "talking",
    "round": 0,
    "rounds": 0,
    "size": 100,
    "bots": [{"name": "Ida", "address": str, "lines": True, "state": str}],
}


def session(state: str, channel: str, **known: Any) -> Mapping[str, Any]:
    """A session with one sample, or with none yet."""
    return {
        "session": int,
        "agent": str,
        "number": int,
        "host": "127.0.0.1",
        "address": "127.0.0.1",
        "state": state,
        "reason": str,
        "attempt": int,
        "since": float,
        "dialect": "newer",
        "announced": ...,
        "channels": {channel: ...},
        "samples": int,
        "bad": 0,
        "unspanned": int,
        **known,
    }


TEXTS: Mapping[str, str] = {
    "that is empty": "",
    "that reads null": "null",
    "that is JSON": '{"a": [1, null]}',
    "with quotes and blanks": """ say "it's" a\\nd """,
    "with an equals sign": "level=5",
    "that looks like an option": "--help",
    "of other languages": "gr\u00fcn \u5f00 \U0001f980",
}
"""Each is a text, whoever carries it."""


def page_with(row: Mapping[str, Any]) -> dict[str, Any]:
    """The only page of a list that has *row*."""
    return {"rows": Holding(row), "counts": dict, "matching": int, "after": None}


NO_LIMIT = Case("no row", {"limit": 0}, fault=invalid("limit: 0 is not between 1 and 1000"))

RELAY: Mapping[str, Row] = {
    "relay.devices": Row(Role.VIEWER, (Case("one of them", result=page_with(LAMP), company=company.device), NO_LIMIT)),
    "relay.send": Row(
        Role.OPERATOR,
        (
            Case(
                "text",
                {"target": "lamp", "text": "on"},
                result={"status": "acknowledged", "answer": Octets(b"ok: on")},
                company=company.device,
            ),
            *(
                Case(
                    f"text {what}",
                    {"target": "lamp", "text": text},
                    result={"status": "acknowledged", "answer": Octets(f"ok: {text}".encode())},
                    company=company.device,
                )
                for what, text in TEXTS.items()
            ),
            Case(
                "bytes to an alias",
                {"target": "light", "base64": "AP8=", "deadline": 5},
                result={"status": "acknowledged", "answer": Octets(b"ok: \x00\xff")},
                company=company.device,
            ),
            Case(
                "without waiting",
                {"target": "lamp", "text": "sleep", "wait": False},
                result={"status": "sent"},
                company=company.device,
            ),
            Case(
                "what the device refuses",
                {"target": "lamp", "text": "burn"},
                result={"status": "failed", "error": "out of oil", "answer": Octets(b""), "known": "yes"},
                company=company.device,
                exit=1,
            ),
            Case(
                "what the device does not answer",
                {"target": "lamp", "text": "sleep", "deadline": 0.02},
                result={"status": "expired", "error": str, "known": "yes"},
                company=company.device,
                exit=124,
            ),
            Case(
                "to nobody",
                {"target": "nobody", "text": "on"},
                fault=Fault(Code.NO_SUCH_TARGET, "no device 'nobody' is connected; `relay.devices` lists them"),
            ),
            Case("nothing", {"target": "lamp"}, fault=invalid("text: give either text or base64")),
            Case(
                "too late",
                {"target": "lamp", "text": "on", "deadline": -1},
                fault=invalid("deadline: a number of seconds above 0"),
            ),
            Case(
                "some time",
                {"target": "lamp", "text": "on", "deadline": "soon"},
                fault=invalid("deadline: must be a number or null, not text", is_form=True),
            ),
            Case(
                "by another relay",
                {"target": "lamp", "text": "on", "instance": "lab2"},
                fault=invalid("no instance 'lab2'; there is only main"),
            ),
            Case(
                "by the only relay",
                {"target": "lamp", "text": "on", "instance": "main"},
                result={"status": "acknowledged", "answer": Octets(b"ok: on")},
                company=company.device,
            ),
        ),
    ),
    "relay.disconnect": Row(
        Role.OPERATOR,
        (
            Case("a device", {"target": "lamp"}, result={**LAMP, "online": bool}, company=company.device),
            Case("nobody", {"target": "nobody"}, fault=Fault(Code.NO_SUCH_TARGET, "no device 'nobody' is connected")),
        ),
    ),
    "relay.forget": Row(
        Role.OPERATOR,
        (
            Case(
                "a device that is away",
                {"target": "gone"},
                result={**LAMP, "name": "gone", "aliases": [], "online": False},
                company=company.gone,
            ),
            Case(
                "a device that is there",
                {"target": "lamp"},
                fault=Fault(Code.FAILED, "the device 'lamp' is connected; `relay.disconnect` ends that"),
                company=company.device,
            ),
            Case(
                "nobody",
                {"target": "nobody"},
                fault=Fault(Code.NO_SUCH_TARGET, "no device 'nobody' is known; `relay.devices` lists them"),
            ),
        ),
    ),
    "relay.attach": Row(
        Role.OPERATOR,
        (
            Case(
                "by a name",
                {"name": "panel"},
                result={"instance": "main", "device": "panel", "address": str, "generation": int},
            ),
            Case(
                "by no name",
                {"name": "no name"},
                fault=invalid("name: 'no name' is no device name; write 1 to 63 letters, digits, _ and -"),
            ),
        ),
        lasts=True,
    ),
    "relay.answer": Row(
        Role.OPERATOR,
        (
            Case(
                "as a device",
                {"device": "panel", "id": 1, "text": "done"},
                result={"device": "panel", "id": 1},
                before=(("relay.attach", {"name": "panel"}),),
            ),
            Case(
                "as none",
                {"device": "other", "id": 1, "text": "done"},
                fault=Fault(Code.NO_SUCH_TARGET, "this connection is no device 'other'; `relay.attach` makes it one"),
            ),
        ),
        lasts=True,
    ),
    "relay.detach": Row(
        Role.OPERATOR,
        (
            Case("a device", {"device": "panel"}, result={"device": "panel"}, before=(("relay.attach", {"name": "panel"}),)),
            Case(
                "none",
                {"device": "other"},
                fault=Fault(Code.NO_SUCH_TARGET, "this connection is no device 'other'; `relay.attach` makes it one"),
            ),
        ),
        lasts=True,
    ),
}

NO_PLACE = Fault(Code.NO_SUCH_TARGET, "this connection has no place as 'Ada'; `room.join` takes one")

ROOM: Mapping[str, Row] = {
    "room.list": Row(Role.VIEWER, (Case("one of them", result=page_with(FULL), company=company.bot), NO_LIMIT)),
    "room.results": Row(Role.VIEWER, (Case("of all", result=...),)),
    "room.end": Row(
        Role.OPERATOR,
        (
            Case("one", {"room": THERE}, result=FULL, company=company.bot),
            Case(
                "that is not there",
                {"room": 999999},
                fault=Fault(Code.NO_SUCH_TARGET, "no room 999999; `room.list` lists them"),
            ),
            Case("by a word", {"room": "x"}, fault=invalid("room: must be a whole number, not text", is_form=True)),
        ),
    ),
    "room.join": Row(
        Role.OPERATOR,
        (
            Case("by a name", {"name": " Ada "}, result={"instance": "main", "name": "Ada"}),
            Case(
                "by no name",
                {"name": " "},
                fault=Fault(Code.FAILED, "Your name is empty. Connect again and send a name first."),
            ),
        ),
        lasts=True,
    ),
    "room.say": Row(
        Role.OPERATOR,
        (
            Case(
                "in a room",
                {"name": "Ada", "text": "Hello!"},
                result={"name": "Ada"},
                before=(("room.join", {"name": "Ada"}),),
            ),
            Case("without a place", {"name": "Ada", "text": "Hello!"}, fault=NO_PLACE),
        ),
        lasts=True,
    ),
    "room.leave": Row(
        Role.OPERATOR,
        (
            Case("a room", {"name": "Ada"}, result={"name": "Ada"}, before=(("room.join", {"name": "Ada"}),)),
            Case("without a place", {"name": "Ada"}, fault=NO_PLACE),
        ),
        lasts=True,
    ),
}

NO_SESSION = Fault(Code.NO_SUCH_TARGET, "no session 'nowhere'; `session.list` lists them")

SESSION: Mapping[str, Row] = {
    "session.list": Row(
        Role.VIEWER,
        (Case("one of them", result=page_with(session("streaming", "x", session=THERE)), company=company.streaming), NO_LIMIT),
    ),
    "session.start": Row(
        Role.OPERATOR,
        (
            Case("with an agent", {"host": "127.0.0.1"}, result=session("streaming", "x", attempt=1)),
            Case(
                "with a stranger",
                {"host": "192.0.2.1"},
                fault=Fault(
                    Code.FAILED,
                    "192.0.2.1 is not in the list of `agents` that this netd may dial; add it in [session] and run "
                    "`netd reload`, or in NETD_SESSION_AGENTS and start netd again",
                ),
            ),
        ),
    ),
    "session.ping": Row(
        Role.OPERATOR,
        (
            Case(
                "one that was dialled",
                {"session": THERE},
                result={"session": THERE, "host": "127.0.0.1"},
                company=company.streaming,
            ),
            Case("one that is not there", {"session": "nowhere"}, fault=NO_SESSION),
        ),
    ),
    "session.stop": Row(
        Role.OPERATOR,
        (
            Case(
                "one that came unasked",
                {"session": THERE},
                result=session("ended", "y", session=THERE, reason="stopped by an operator"),
                company=company.unasked,
            ),
            Case("one that is not there", {"session": "nowhere"}, fault=NO_SESSION),
        ),
    ),
}
