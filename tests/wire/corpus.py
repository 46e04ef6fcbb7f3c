"""Programs invented for these tests: what each said, the section that a person would write, and what comes of it.

``NAME.transcript`` has what was said. ``NAME.ini`` is the section by hand. ``NAME.events`` is the truth that its
player of the program knew while it played, a line for each thing that comes of it, behind the number of its connection::

    1 sample NAME CHANNEL VALUE UNIT      1 call FUNCTION ARGUMENTS
    1 event NAME FIELDS                   1 answer TEXT
    1 name NAME                           1 unmatched TEXT
    1 tell NAME TEXT                      1 failed
    1 reply TEXT                          1 bye

NAME is ``-`` for the name that a connection has by itself: its address, or the section's name.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from netd.wire.recording import Recording, read_recording

__all__ = ["KEPT_ASIDE", "LATER", "NAMES", "Played", "played"]

FOLDER = Path(__file__).with_name("transcripts")

NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.transcript")))

KEPT_ASIDE = frozenset(
    {
        "barcode",
        "csv_nodes",
        "eof_ended",
        "fixed_width",
        "glued_keys",
        "graphite",
        "heartbeat",
        "hex_words",
        "length_little",
        "modbus_rtu",
        "one_send",
        "relay_board",
        "robot",
        "start_sum",
        "statsd",
        "syslog",
        "telnet_login",
        "topic_pub",
        "turnstile",
        "weather_json",
    }
)
"""The programs that nobody looked at who made drafts better, until one round of lessons was taken from them."""

LATER = frozenset(
    {
        "colon_bus",
        "game_moves",
        "java_utf",
        "mast_crc",
        "motor_prompt",
        "numbered_ack",
        "put_store",
        "queue_desk",
        "quoted_pairs",
        "rfid_reader",
        "thermo_header",
        "xml_reading",
    }
)
"""The programs that were invented after that round, without a look at what would be drafted for them."""


@frozen
class Played:
    """One program of the corpus.

    :ivar section: the text of its section, by hand.
    :ivar expected: the lines of its ``.events``.
    """

    name: str
    recording: Recording
    section: str
    expected: tuple[str, ...]


def played(name: str) -> Played:
    """Read the program *name*."""
    transcript, section, events = (
        (FOLDER / f"{name}.{suffix}").read_text(encoding="utf-8") for suffix in ("transcript", "ini", "events")
    )
    return Played(name, read_recording(transcript), section, tuple(events.splitlines()))
