"""The words that home-made protocols have in common: units, states of a switch, and keywords in front of names and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "FAREWELLS",
    "FLAGS",
    "NAME_WORDS",
    "NOISE",
    "REPORTS",
    "SECRET_WORDS",
    "SIGNS_OF_LIFE",
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

SECRET_WORDS = frozenset(
    ["pass", "passwd", "password", "pwd", "pw", "key", "apikey", "api_key", "secret", "token", "auth", "pin"]
)
"""Keywords behind which a secret stands."""

FAREWELLS = frozenset(["quit", "exit", "bye", "goodbye", "disconnect", "close", "end", "logout", "stop", "leave", "q", "part"])
"""Words with which a program takes its leave."""

SIGNS_OF_LIFE = frozenset(["ping", "pong", "alive", "heartbeat", "hb", "keepalive", "keep-alive", "beat", "noop", "nop"])
"""Words that only say that somebody is there."""

NOISE = frozenset(["ready", "boot", "booting", "setup", "init", "starting", "started", "initialized", "version", "ok"])
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

FLAGS = frozenset(["on", "off", "open", "closed", "true", "false", "yes", "no", "high", "low"])
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
