"""The state database: what netd has promised to keep, and finds again after a restart."""
