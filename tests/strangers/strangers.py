"""Eleven programs as people write them at home, and what netd is to understand of each.

The programs are in ``programs/``, a folder each, beside the server or client that they were written for: naive ``recv(1024)``, a
message for each ``send``, sleeps and prints. Nothing in them knows of netd. Each ends with 0 if it was served right, else with 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from attrs import field, frozen

__all__ = ["PROGRAMS", "STRANGERS", "Stranger"]

PROGRAMS = Path(__file__).with_name("programs")


@frozen
class Stranger:
    """A program.

    :ivar client: the file that netd serves, or which netd dials; its arguments are HOST and PORT, or for a device PORT or PATH.
    :ivar section: what a person writes for it who has read docs/wires.md.
    :ivar values: what the bus is to know afterwards: units by channel, by peer.
    :ivar sends: what netd says to it by ``wire.send``, as soon as it is here.
    """

    name: str
    client: str
    section: str
    values: Mapping[str, Mapping[str, str]] = field(factory=dict)
    sends: tuple[str, ...] = ()

    @property
    def is_device(self) -> bool:
        """Whether netd dials it."""
        return "\nconnect = " in f"\n{self.section}"


_ALL = (
    Stranger(
        "greenhouse",
        "client.py",
        r"""
listen = tcp:PORT:interface=127.0.0.1
frame = silence:20ms
rules =
    name HELLO {name} => HELLO {name}
    sample T:{temp °C} H:{hum %} => OK
    bye EXIT
""",
        {"greenhouse": {"temp": "°C", "hum": "%"}},
    ),
    Stranger(
        "chat",
        "client.py",
        r"""
listen = tcp:PORT:interface=127.0.0.1
frame = silence:20ms
greeting = NICK
rules =
    tell-all {who}: {text} => {who}: {text}
    name {name} => Connected to server!
""",
        {"ann": {}, "bob": {}},
    ),
    Stranger(
        "gateway",
        "client.py",
        r"""
listen = udp:PORT:interface=127.0.0.1
rules =
    sample {seq:text},{name},{temp °C},{battery V} => ACK,{seq}
""",
        {name: {"temp": "°C", "battery": "V"} for name in ("cellar", "attic", "roof")},
    ),
    Stranger(
        "buoy",
        "client.c",
        r"""
listen = tcp:PORT:interface=127.0.0.1
frame = length:2:little
rules =
    name struct <B12s {=1} {name} => \0\0\0\0
    sample struct <BIffH {=2} {} {water °C} {wave m} {battery mV} => \0\0\0\0
""",
        {"buoy-west": {"water": "°C", "wave": "m", "battery": "mV"}},
    ),
    Stranger(
        "robot",
        "client.c",
        r"""
listen = tcp:PORT:interface=127.0.0.1
frame = bytes:64
rules =
    name HELLO {name} => WELCOME {name}
    sample POS {x} {y} {heading °} => OK POS
    sample BATT {battery V} => OK BATT
    bye QUIT => BYE {name}
""",
        {"robo7": {"x": "", "y": "", "heading": "°", "battery": "V"}},
    ),
    Stranger(
        "scale",
        "client.cpp",
        r"""
listen = tcp:PORT:interface=127.0.0.1
frame = between:\x02:\x03
say = raw
rules =
    sample {state:text},{weight kg},kg{:2} => \x06
""",
        {"127.0.0.1": {"weight": "kg"}},
    ),
    Stranger(
        "bench",
        "client.py",
        r"""
listen = tcp:PORT:interface=127.0.0.1
rules =
    name json action=register {name=device} => \{"status": "ok", "device": "{name}"\}
    sample json action=report {volts=readings.volts V} {amps=readings.amps A} => \{"status": "ok"\}
    ignore json action=ping {n} => \{"status": "ok", "n": {n}\}
    bye json action=goodbye => \{"status": "ok"\}
""",
        {"psu-3": {"volts": "V", "amps": "A"}},
    ),
    Stranger(
        "station",
        "client.sh",
        r"""
listen = tcp:PORT:interface=127.0.0.1
greeting = 220 weather collector ready
rules =
    name LOGIN {name} {} => 230 hello {name}
    sample PUT {channel} {value} => 250 stored
    bye bye => 221 see you
""",
        {"station3": {"wind": "", "gust": "", "rain": ""}},
    ),
    Stranger(
        "pi",
        "client.sh",
        r"""
listen = tcp:PORT:interface=127.0.0.1
rules =
    sample host={name},{*} each , {channel}={value} => ACK
""",
        {"pi4": {"cpu": "", "load": "", "free": "", "throttled": ""}, "pizero": {"cpu": "", "load": "", "free": ""}},
    ),
    Stranger(
        "dht",
        "sketch.py",
        r"""
connect = serial:PORT:9600
say = raw
rules =
    sample Humidity: {hum %} % Temperature: {temp °C} *C
    event LED {state}
""",
        {"dht": {"hum": "%", "temp": "°C"}},
        sends=("H", "L"),
    ),
    Stranger(
        "meter",
        "instrument.py",
        r"""
connect = tcp:127.0.0.1:PORT
ask =
    0s *IDN? => event {maker},{model},{serial},{firmware}
    200ms MEAS:VOLT:DC? => sample {voltage V}
    200ms MEAS:CURR:DC? => sample {current A}
""",
        {"meter": {"voltage": "V", "current": "A"}},
    ),
)

STRANGERS: Mapping[str, Stranger] = MappingProxyType({stranger.name: stranger for stranger in _ALL})
"""The programs, by name."""
