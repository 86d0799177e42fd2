"""Property tests without deadlines: how long an example takes says more about the machine."""

from hypothesis import settings

settings.register_profile("domain", deadline=None)
settings.load_profile("domain")
