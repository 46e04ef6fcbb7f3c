"""The manhole: a login over telnet, then a menu of all operations, then a Python prompt if an option allows it."""
