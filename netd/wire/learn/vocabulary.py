"""The words that home-made protocols have in common: units, states of a switch, and keywords in front of names and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "CLOCKS",
    "COUNTERS",
    "EMPTY_READINGS",
    "FAREWELLS",
    "FLAGS",
    "FUNCTION_WORDS",
    "IDENTITIES",
    "LINKING_WORDS",
    "NAME_WORDS",
    "NOISE",
    "REPORTS",
    "SECRET_WORDS",
    "SIGNS_OF_LIFE",
    "STATUS_WORDS",
    "quantity_of",
    "slug",
    "unit_of",
]

NAME_WORDS = frozenset(
    [
        "name",
        "id",
        "token",
        "login",
        "imei",
        "user",
        "username",
        "nick",
        "nickname",
        "hello",
        "hi",
        "helo",
        "iam",
        "device",
        "deviceid",
        "device_id",
        "client",
        "client_id",
        "clientid",
        "sensor",
        "sensor_id",
        "sensorid",
        "node",
        "nodeid",
        "node_id",
        "station",
        "station_id",
        "stationid",
        "dev",
        "devid",
        "serial",
        "sn",
        "mac",
        "host",
        "hostname",
        "register",
        "reg",
        "join",
        "auth",
        "connect",
        "unit_id",
        "tag",
        "uid",
        "who",
        "source",
        "src",
    ]
)
"""Keywords behind which the name of a device or a person stands."""

KEYS_OF_NAMES = NAME_WORDS - frozenset(
    [
        "hello",
        "hi",
        "helo",
        "connect",
        "token",
        "auth",
        "join",
        "login",
        "register",
        "reg",
        "tag",
        "who",
        "serial",
        "source",
        "src",
    ]
)
"""Those that also stand in front of a name within a sample."""

LINKING_WORDS = frozenset(["is", "as", "i", "im", "am", "this", "its", "my"])
"""Words between a keyword and the name."""

FUNCTION_WORDS = frozenset(
    [
        "from",
        "to",
        "the",
        "a",
        "an",
        "this",
        "that",
        "my",
        "i",
        "am",
        "is",
        "as",
        "and",
        "all",
        "you",
        "there",
        "here",
        "of",
        "in",
        "on",
    ]
)
"""Words of sentences: none of them is the name of anybody."""

IDENTITIES = frozenset(
    ["card", "tag", "uid", "rfid", "badge", "barcode", "ean", "isbn", "code", "ticket", "plate", "serial", "order"]
)
"""Keywords behind which digits identify something and measure nothing."""

COUNTERS = frozenset(
    [
        "seq",
        "seqno",
        "sequence",
        "nr",
        "no",
        "msgid",
        "msg_id",
        "packet",
        "frame",
        "uptime",
        "up",
        "fw",
        "firmware",
        "version",
        "ver",
    ]
)
"""Keywords of numbers that a program says of itself: those of its messages, of its version, of the seconds that it has run."""

CLOCKS = frozenset(["t", "ts", "ms", "s", "sec", "time", "millis", "elapsed", "tick", "ticks"])
"""Keywords of the time since a program began."""

EMPTY_READINGS = frozenset(["noread", "noreading", "nodata", "novalue"])
"""What readers say that have read nothing."""

SECRET_WORDS = frozenset(
    ["pass", "passwd", "password", "pwd", "pw", "key", "apikey", "api_key", "secret", "token", "auth", "pin"]
)
"""Keywords behind which a secret stands."""

FAREWELLS = frozenset(["quit", "exit", "bye", "goodbye", "disconnect", "close", "end", "logout", "stop", "leave", "q", "part"])
"""Words with which a program takes its leave."""

SIGNS_OF_LIFE = frozenset(["ping", "pong", "alive", "heartbeat", "hb", "keepalive", "keep-alive", "beat", "noop", "nop"])
"""Words that only say that somebody is there."""

STATUS_WORDS = frozenset(["status", "state", "info", "hello", "about"])
"""Words for what a program says of itself from time to time; with nothing measured in it, it is a sign of life."""

NOISE = frozenset(
    ["ready", "boot", "booting", "setup", "init", "starting", "started", "initialized", "version", "firmware", "fw", "ok"]
)
"""Words of what a program says of itself when it starts."""

REPORTS = frozenset(
    [
        "e",
        "err",
        "error",
        "alarm",
        "alert",
        "warn",
        "warning",
        "fault",
        "code",
        "event",
        "evt",
        "fatal",
        "info",
        "debug",
        "log",
        "status",
        "state",
    ]
)
"""Words in front of numbers that measure nothing."""

FLAGS = frozenset(["on", "off", "open", "closed", "shut", "true", "false", "yes", "no", "high", "low"])
"""The two states of a switch, as the type ``flag`` reads them."""

_UNITS: Mapping[str, str] = MappingProxyType(
    {
        **{
            unit: unit
            for unit in [
                "%",
                "V",
                "mV",
                "kV",
                "A",
                "mA",
                "kW",
                "W",
                "kWh",
                "Wh",
                "Hz",
                "kHz",
                "MHz",
                "Pa",
                "hPa",
                "kPa",
                "mbar",
                "bar",
                "g",
                "kg",
                "mg",
                "t",
                "m",
                "cm",
                "mm",
                "km",
                "s",
                "ms",
            ]
        },
        **{
            unit: unit
            for unit in [
                "lb",
                "lbs",
                "oz",
                "L",
                "l",
                "ml",
                "lx",
                "ppm",
                "ppb",
                "rpm",
                "dB",
                "dBm",
                "K",
                "Ohm",
                "N",
                "Nm",
                "m/s",
                "km/h",
                "kn",
                "mph",
                "µA",
                "l/h",
                "l/min",
            ]
        },
        "C": "°C",
        "°C": "°C",
        "ºC": "°C",
        "degC": "°C",
        "F": "°F",
        "°F": "°F",
        "°": "°",
        "deg": "°",
        "lux": "lx",
        "Ω": "Ω",
    }
)
_QUANTITIES = (
    ("volt", "voltage", "V"),
    ("curr", "current", "A"),
    ("freq", "frequency", "Hz"),
    ("pow", "power", "W"),
    ("res", "resistance", "Ω"),
    ("temp", "temp", "°C"),
    ("hum", "hum", "%"),
    ("press", "pressure", "hPa"),
)
_OTHER = re.compile(r"[^a-z0-9_]+")


def unit_of(text: str) -> str:
    """Return the unit that *text* behind a number means, or an empty text."""
    return _UNITS.get(text.strip(), "")


def quantity_of(question: str) -> tuple[str, str] | None:
    """Return the channel and its unit that a question asks for: ``MEAS:VOLT?`` asks for the voltage in V."""
    words = re.split(r"[^a-z]+", question.lower())
    for word in reversed(words):
        for start, name, unit in _QUANTITIES:
            if word.startswith(start):
                return name, unit
    return None


def slug(word: str) -> str:
    """Return *word* as the name of a field; empty if nothing of it can be one."""
    name = _OTHER.sub("_", word.lower()).strip("_")[:40]
    return name if name and not name[0].isdigit() else f"v{name}" if name else ""
