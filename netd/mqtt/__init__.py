"""netd as a client of an MQTT broker: what the bus carries is published there, and messages to devices come from there."""
