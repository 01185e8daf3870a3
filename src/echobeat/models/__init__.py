"""Models: cards (data), sessions (running a network), segmentation (frames to masks). No torch here."""

from echobeat.models.cards import Card, Metric, list_cards, load_card, model_file
from echobeat.models.segmentation import Segmenter, load_segmenter
from echobeat.models.session import Backend, open_backend

__all__ = [
    "Backend",
    "Card",
    "Metric",
    "Segmenter",
    "list_cards",
    "load_card",
    "load_segmenter",
    "model_file",
    "open_backend",
]
