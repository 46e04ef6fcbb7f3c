"""Alerts: a condition on subjects of the bus, and what is to be done when it holds."""
