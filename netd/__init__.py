"""netd: one daemon that devices, scripts, bots and dashboards can all talk to."""

__all__ = ["__version__"]

__version__ = "0.1.0"
