"""The device classes of Home Assistant's sensors: the units that each may have, and the state class that goes with it.

Home Assistant takes other pairs of class and unit, but it warns of them and keeps no statistics: netd names a class only where
it knows the pair. Source: DEVICE_CLASS_UNITS and DEVICE_CLASS_STATE_CLASSES of homeassistant/components/sensor/const.py,
2025.4.4. The fluid ounce is left out, because its sign has a space in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

__all__ = ["CLASSES", "SensorClass"]


@frozen
class SensorClass:
    """One class.

    :ivar units: the units that it may have; an empty one where it may have none.
    :ivar state_class: how Home Assistant keeps statistics of it.
    """

    units: frozenset[str]
    state_class: str


def _of(units: str, is_bare: bool = False, state_class: str = "measurement") -> SensorClass:
    return SensorClass(frozenset((*units.split(), *(("",) if is_bare else ()))), state_class)


CLASSES: Mapping[str, SensorClass] = {
    "apparent_power": _of("VA"),
    "aqi": _of("", is_bare=True),
    "area": _of("ac cm² ft² ha in² km² mi² mm² m² yd²"),
    "atmospheric_pressure": _of("Pa bar cbar hPa inHg kPa mbar mmHg psi"),
    "battery": _of("%"),
    "blood_glucose_concentration": _of("mg/dL mmol/L"),
    "carbon_dioxide": _of("ppm"),
    "carbon_monoxide": _of("ppm"),
    "conductivity": _of("S/cm mS/cm µS/cm"),
    "current": _of("A mA"),
    "data_rate": _of("B/s GB/s Gbit/s GiB/s KiB/s MB/s Mbit/s MiB/s bit/s kB/s kbit/s"),
    "data_size": _of("B EB EiB GB Gbit GiB KiB MB Mbit MiB PB PiB TB TiB YB YiB ZB ZiB bit kB kbit"),
    "distance": _of("cm ft in km m mi mm nmi yd"),
    "duration": _of("d h min ms s μs"),
    "energy": _of("GJ GWh Gcal J MJ MWh Mcal TWh Wh cal kJ kWh kcal mWh", state_class="total_increasing"),
    "energy_distance": _of("kWh/100km km/kWh mi/kWh"),
    "energy_storage": _of("GJ GWh Gcal J MJ MWh Mcal TWh Wh cal kJ kWh kcal mWh"),
    "frequency": _of("GHz Hz MHz kHz"),
    "gas": _of("CCF ft³ m³", state_class="total_increasing"),
    "humidity": _of("%"),
    "illuminance": _of("lx"),
    "irradiance": _of("BTU/(h⋅ft²) W/m²"),
    "moisture": _of("%"),
    "nitrogen_dioxide": _of("µg/m³"),
    "nitrogen_monoxide": _of("µg/m³"),
    "nitrous_oxide": _of("µg/m³"),
    "ozone": _of("µg/m³"),
    "ph": _of("", is_bare=True),
    "pm1": _of("µg/m³"),
    "pm10": _of("µg/m³"),
    "pm25": _of("µg/m³"),
    "power": _of("GW MW TW W kW mW"),
    "power_factor": _of("%", is_bare=True),
    "precipitation": _of("cm in mm"),
    "precipitation_intensity": _of("in/d in/h mm/d mm/h"),
    "pressure": _of("Pa bar cbar hPa inHg kPa mbar mmHg psi"),
    "reactive_power": _of("var"),
    "signal_strength": _of("dB dBm"),
    "sound_pressure": _of("dB dBA"),
    "speed": _of("Beaufort ft/s in/d in/h in/s km/h kn m/s mm/d mm/h mm/s mph"),
    "sulphur_dioxide": _of("µg/m³"),
    "temperature": _of("K °C °F"),
    "volatile_organic_compounds": _of("µg/m³"),
    "volatile_organic_compounds_parts": _of("ppb ppm"),
    "voltage": _of("MV V kV mV µV"),
    "volume": _of("CCF L ft³ gal mL m³", state_class="total_increasing"),
    "volume_flow_rate": _of("L/min ft³/min gal/min mL/s m³/h"),
    "volume_storage": _of("CCF L ft³ gal mL m³"),
    "water": _of("CCF L ft³ gal m³", state_class="total_increasing"),
    "weight": _of("g kg lb mg oz st µg"),
    "wind_direction": _of("°", state_class="measurement_angle"),
    "wind_speed": _of("Beaufort ft/s in/s km/h kn m/s mm/s mph"),
}
"""The classes by name."""
