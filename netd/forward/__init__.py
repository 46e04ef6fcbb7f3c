"""What the recorder holds, sent on to a database of measurements: InfluxDB, VictoriaMetrics and others (docs/forward.md)."""
