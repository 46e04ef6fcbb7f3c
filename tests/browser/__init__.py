"""The dashboard as people see it: in a real Chromium, served by a real netd."""
