"""netd's tests: they mirror ``netd/`` file by file. CONTRIBUTING.md says what each ring of them may touch."""

import signal

from hypothesis import settings

# How long an example takes says more about the machine than about netd.
settings.register_profile("netd", parent=settings(), deadline=None)
settings.load_profile("netd")

# In the background of a script SIGINT is ignored, and under nohup SIGHUP is. Each program that the suite starts would inherit
# that. While there is a handler, programs are started with the default instead.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
