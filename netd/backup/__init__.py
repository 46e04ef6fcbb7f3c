"""Backups: everything below a state directory in one archive, taken while netd runs, and put back all or nothing."""
