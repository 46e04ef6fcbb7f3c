"""A part of Graphite's HTTP API over the recorder, so that Grafana draws what netd has recorded without a plugin."""
