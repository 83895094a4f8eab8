"""How all tests run: properties are checked by what they say, never by how long a loaded machine takes to say it.

With CI=true the examples are the same in every run, so that a red run is the fault of a change; elsewhere each run
looks for new ones.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any-machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("any-machine")
