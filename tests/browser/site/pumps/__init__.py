"""A third party's kind of service, for the dashboard to look at."""
