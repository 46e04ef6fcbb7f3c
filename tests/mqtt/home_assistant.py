"""Have Home Assistant's own code read the payloads in ``golden/``. To be run by hand, when they have changed.

    python3.13 -m venv ha && ha/bin/pip install --no-deps homeassistant==2025.4.4
    ha/bin/pip install -c ha/lib/python3.13/site-packages/homeassistant/package_constraints.txt aiohttp paho-mqtt voluptuous …
    ha/bin/python tests/mqtt/home_assistant.py

It needs some 40 packages and 500 MB, and so is no part of the suite.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from homeassistant.components.mqtt import binary_sensor, sensor, text
from homeassistant.components.mqtt.discovery import _parse_device_payload
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame

PLATFORMS = {"binary_sensor": binary_sensor, "sensor": sensor, "text": text}


async def main() -> None:
    """Read each payload as Home Assistant does, and each of its components."""
    home = HomeAssistant(tempfile.mkdtemp())
    frame.async_setup(home)
    for path in sorted(Path(__file__).with_name("golden").glob("*.json")):
        found = _parse_device_payload(home, path.read_text(encoding="utf-8"), path.stem, None)
        assert found, f"{path.name} is refused"
        shared = {name: found[name] for name in ("device", "origin", "availability", "availability_mode") if name in found}
        for _name, component in found["components"].items():
            config = {**shared, **component}
            PLATFORMS[config.pop("platform")].DISCOVERY_SCHEMA(config)
    await home.async_stop(force=True)


asyncio.run(main())
