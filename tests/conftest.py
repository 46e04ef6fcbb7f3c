"""For pytest, which `make mutants` runs the tests with: the same examples each time, and few, for each mutant pays for them."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutants", max_examples=40, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("mutants")
