"""The manhole: a login over telnet, then a menu of every operation, then (behind a switch of its own) a Python prompt."""
