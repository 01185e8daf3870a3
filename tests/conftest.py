"""Settings of all tests."""

from hypothesis import settings

settings.register_profile("echobeat", deadline=None)  # no test asserts a time: a busy machine is slow
settings.load_profile("echobeat")
