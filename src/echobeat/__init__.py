"""echobeat: heart function from an echocardiogram. Research software, not a medical device."""

__version__ = "0.1.0"
