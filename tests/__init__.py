"""netd's tests: they mirror ``netd/`` file by file. CONTRIBUTING.md says what each ring of them may touch."""

from hypothesis import settings

# How long an example takes says more about the machine than about netd.
settings.register_profile("netd", parent=settings(), deadline=None)
settings.load_profile("netd")
