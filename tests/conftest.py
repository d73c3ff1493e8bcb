"""What holds for every test."""

import os
import signal

from hypothesis import HealthCheck, settings

# How long a machine takes says nothing about the claim; CI tries the same examples each time.
settings.register_profile("kbsync", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("kbsync"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "kbsync")

# A shell has what it starts in the background ignore SIGINT, nohup has it ignore SIGHUP, and so would every process
# that the tests start. What has a handler here is as the system has it there.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
