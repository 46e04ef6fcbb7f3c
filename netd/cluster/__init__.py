"""Cluster: several nodes that behave as one netd. They meet through NATS servers, which are programs of their own."""
