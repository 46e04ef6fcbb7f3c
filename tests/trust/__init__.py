"""Who may do what: ``docs/who-may.md`` against the tables of the daemon, and against the daemon itself."""
