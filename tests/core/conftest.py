"""How thoroughly laws are tried: `--hypothesis-profile=many` for a night's worth, else a quick look."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("many", deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
if settings.get_current_profile_name() == "default":
    settings.load_profile("quick")
