"""The rows of the daemon's own operations, and of the services that take few: bus, system, manhole, command, feed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd import __version__
from netd.operations import Role
from tests.contract import company
from tests.contract.cases import ROLE, Case, Code, Fault, Row, invalid, missing
from tests.contract.patterns import Holding

__all__ = ["BUS", "COMMAND", "FEED", "GATEWAY", "MANHOLE", "SYSTEM"]

NOTHING_RELOADED: Mapping[str, Any] = {
    "status": "checked",
    "changed": [],
    "restart": [],
    "added": [],
    "removed": [],
    "files": [],
    "failures": [],
    "file": str,
}

SUBSCRIBED: Mapping[str, Any] = {"pattern": "custom.>", "position": str, "recovered": None, "gap": None}

PUBLISHED: dict[str, Any] = {"subject": "custom.door", "size": int, "kept": bool}

BUS: Mapping[str, Row] = {
    "bus.last": Row(
        Role.VIEWER,
        (
            Case(
                "of a subject",
                {"pattern": "custom.lamp"},
                result=[{"subject": "custom.lamp", "time": float, "data": {"lit": True}}],
                company=company.event,
            ),
            Case("of nothing", {"pattern": "custom.nothing"}, result=[]),
            Case(
                "of no pattern",
                {"pattern": "a b"},
                fault=invalid("pattern: subject pattern 'a b': 'a b' is no token of [A-Za-z0-9_@-], no '*', and no final '>'"),
            ),
        ),
    ),
    "bus.publish": Row(
        Role.OPERATOR,
        (
            Case("an object", {"subject": "custom.door", "data": {"open": 1}}, result=PUBLISHED | {"size": 10}),
            Case("a text", {"subject": "custom.door", "data": "grün"}, result=PUBLISHED | {"size": 7}),
            Case("nothing", {"subject": "custom.door"}, result=PUBLISHED | {"size": 4}),
            Case(
                "as a service",
                {"subject": "relay.main.said.lamp"},
                fault=invalid(
                    "subject: 'relay.main.said.lamp' is none that begins with `custom.`, of [A-Za-z0-9_-] between dots"
                ),
            ),
            Case(
                "as another node",
                {"subject": "custom.main@north.lamp"},
                fault=invalid(
                    "subject: 'custom.main@north.lamp' is none that begins with `custom.`, of [A-Za-z0-9_-] between dots"
                ),
            ),
            Case("without a subject", {"data": 1}, fault=missing("subject")),
            Case(
                "in a colour",
                {"subject": "custom.door", "colour": "red"},
                fault=invalid("colour: no such argument; there are: data, subject", is_form=True),
            ),
        ),
    ),
    "bus.forget": Row(
        Role.OPERATOR,
        (
            Case(
                "a subject",
                {"subject": "custom.lamp"},
                result={"subject": "custom.lamp", "forgotten": ["custom.lamp"]},
                company=company.event,
            ),
            Case("nothing", {"subject": "custom.nothing"}, result={"subject": "custom.nothing", "forgotten": []}),
            Case(
                "no subject",
                {"subject": "a b"},
                fault=invalid("subject: subject pattern 'a b': 'a b' is no token of [A-Za-z0-9_@-], no '*', and no final '>'"),
            ),
        ),
    ),
    "bus.subscribe": Row(
        Role.VIEWER,
        (
            Case("to a pattern", {"pattern": "custom.>"}, result=SUBSCRIBED),
            Case(
                "too often",
                {"pattern": "custom.>", "every": 0.001},
                fault=invalid("every: 0.001 is not between 0.01 and 3600 seconds"),
            ),
            Case(
                "from nowhere",
                {"pattern": "custom.>", "since": "here"},
                fault=invalid("since: 'here' is no position; it is epoch:seq, as in the answer and the events"),
            ),
        ),
        lasts=True,
    ),
    "bus.unsubscribe": Row(
        Role.VIEWER,
        (
            Case(
                "from what one has",
                {"pattern": "custom.>"},
                result={"pattern": "custom.>"},
                before=(("bus.subscribe", {"pattern": "custom.>"}),),
            ),
            Case(
                "from what one has not",
                {"pattern": "custom.x"},
                fault=Fault(Code.FAILED, "this connection has no subscription of 'custom.x'"),
            ),
        ),
        lasts=True,
    ),
}

COMMAND: Mapping[str, Row] = {
    "command.list": Row(
        Role.VIEWER,
        (
            Case(
                "one that every caller may run",
                result=Holding(
                    {
                        "command_id": "command.list",
                        "help": "List the commands.",
                        "blocking": False,
                        "arguments": [],
                        "more": False,
                    }
                ),
            ),
        ),
    ),
    "command.run": Row(
        Role.OPERATOR,
        (
            Case(
                "with arguments",
                {"command_id": "add", "arguments": {"first": 1.5, "second": 2}},
                result={"status": "success", "result": 3.5},
            ),
            Case("that fails", {"command_id": "water"}, fault=Fault(Code.FAILED, "out of water")),
            Case(
                "that is not there",
                {"command_id": "watre"},
                fault=Fault(
                    Code.NO_SUCH_TARGET, "there is no command 'watre' (did you mean 'water'?); `command.list` lists them"
                ),
            ),
            Case(
                "without one of its arguments",
                {"command_id": "add", "arguments": {"first": 1}},
                fault=invalid("second: this argument is missing"),
            ),
            Case(
                "with arguments in a list",
                {"command_id": "add", "arguments": [1, 2]},
                fault=invalid("arguments: must be an object or null, not a list", is_form=True),
            ),
        ),
    ),
}

FEED: Mapping[str, Row] = {
    "feed.reports": Row(
        Role.VIEWER,
        (
            Case(
                "of a client",
                result=Holding(
                    {
                        "client": "screen",
                        "address": str,
                        "online": True,
                        "blocks": int,
                        "last_block": 1,
                        "seconds": float,
                        "rate": float,
                        "last_seen": float,
                        "remarks": [],
                    }
                ),
                company=company.feed_client,
            ),
        ),
    ),
    "feed.subscribers": Row(
        Role.VIEWER,
        (
            Case(
                "one of them",
                result=Holding(
                    {
                        "client": "screen",
                        "address": str,
                        "dialect": str,
                        "since": float,
                        "types": ["city"],
                        "block": 1,
                        "locale": "en_US",
                        "seed": None,
                        "interval": 3600.0,
                    }
                ),
                company=company.feed_client,
            ),
        ),
    ),
}

MANHOLE: Mapping[str, Row] = {
    "manhole.sessions": Row(
        Role.ADMIN, (Case("one of them", result=Holding({"user": None, "who": str}), company=company.caller),)
    ),
}

GATEWAY: Mapping[str, Row] = {
    "gateway.sessions": Row(Role.ADMIN, (Case("while no browser is signed in", result=[]),)),
    "gateway.sign_out": Row(
        Role.ADMIN,
        (Case("of nobody", {"name": "nobody"}, result={"ended": 0}), Case("without a name", fault=missing("name"))),
    ),
}

SYSTEM: Mapping[str, Row] = {
    "system.session": Row(
        Role.VIEWER,
        (Case("of no browser", fault=Fault(Code.FAILED, "this connection was not opened by a browser that has signed in")),),
        lasts=True,
    ),
    "system.doctor": Row(Role.VIEWER, (Case("all", result={"level": str, "findings": ...}),)),
    "system.login": Row(
        Role.NOBODY,
        (
            Case(
                "with rights already",
                {"token": "netd_x"},
                fault=Fault(Code.NOT_PERMITTED, "this connection has its rights already: connect anew to be somebody else"),
            ),
            Case("without a token", fault=invalid("give `token`, or the `page` key of a browser's session")),
        ),
        lasts=True,
    ),
    "system.whoami": Row(Role.NOBODY, (Case("here", result={"name": ..., "role": ROLE, "subjects": None, "proof": ...}),)),
    "system.operations": Row(
        Role.VIEWER,
        (
            Case(
                "one of them",
                result=Holding(
                    {
                        "name": "room.end",
                        "kind": "room",
                        "role": "operator",
                        "summary": str,
                        "instances": ["main"],
                        "lasting": False,
                        "arguments": [{"name": "room", "required": True, "schema": {"type": "integer"}}],
                        "result": ...,
                    }
                ),
            ),
        ),
    ),
    "system.status": Row(
        Role.VIEWER,
        (
            Case(
                "all",
                result={
                    "name": str,
                    "version": __version__,
                    "started": float,
                    "uptime": float,
                    "configuration": str,
                    "timezone": str,
                    "stored": ...,
                    "published": int,
                    "lag": float,
                    "turns": ...,
                    "capacity": ...,
                    "usage": {"memory": int, "descriptors": int, "most_descriptors": int},
                    "state": "serving",
                    "draining": None,
                    "services": Holding(
                        {
                            "kind": "command",
                            "instance": "main",
                            "listening": ...,
                            "connections": 0,
                            "commands": 3,
                            "running": int,
                            "threads": {"busy": 0, "size": 8, "waiting": 0},
                            "trouble": None,
                            "counters": ...,
                        }
                    ),
                },
            ),
        ),
    ),
    "system.subjects": Row(Role.VIEWER, (Case("one of them", result=Holding({"subject": "command.main.run", "schema": ...})),)),
    "system.reload": Row(
        Role.ADMIN,
        (
            Case("what is the same", {"check": True}, result=NOTHING_RELOADED),
            Case("in a colour", {"colour": "red"}, fault=invalid("colour: no such argument; there are: check", is_form=True)),
        ),
    ),
    "system.log": Row(
        Role.ADMIN,
        (
            Case("all", result={"levels": ..., "chosen": []}),
            Case(
                "aloud",
                {"section": "relay", "level": "loud"},
                fault=invalid("level: one of debug, info, warn, error, critical; or auto, as the configuration has it"),
            ),
        ),
    ),
    "system.drain": Row(
        Role.ADMIN,
        (
            Case("all", result={"state": "draining", "draining": {"since": float, "left": None, "connections": 0}}),
            Case("in the past", {"within": -1.0}, fault=invalid("within: a number of seconds, from 0 to 31536000")),
        ),
        is_last=True,
    ),
    "system.resume": Row(Role.ADMIN, (Case("what serves", result={"state": "serving", "draining": None}),)),
    "system.stop": Row(Role.ADMIN, (Case("all", result={"status": "stopping"}),), is_last=True),
}
