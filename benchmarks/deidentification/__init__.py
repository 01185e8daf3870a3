"""Burnt-in writing: how the detector is taught, and how often it and the whole command see what was planted."""
