"""Data sets: readers, the check before a night is spent, and the frame cache. No torch here."""
