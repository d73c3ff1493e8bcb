"""What holds for every test."""

import os

from hypothesis import HealthCheck, settings

# How long a machine takes says nothing about the claim; CI tries the same examples each time.
settings.register_profile("kbsync", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("kbsync"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "kbsync")
