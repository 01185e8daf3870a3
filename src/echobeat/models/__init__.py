"""Models: cards (data), sessions (running a network), frames to masks, clips to EF. No torch here."""

from echobeat.models.cards import Card, ClipSpec, Metric, bundled_cards, list_cards, load_card, model_file
from echobeat.models.ejection_fraction import EjectionFractionModel, load_ef_model
from echobeat.models.segmentation import Segmenter, load_segmenter
from echobeat.models.session import Backend, open_backend

__all__ = [
    "Backend",
    "Card",
    "ClipSpec",
    "EjectionFractionModel",
    "Metric",
    "Segmenter",
    "bundled_cards",
    "list_cards",
    "load_card",
    "load_ef_model",
    "load_segmenter",
    "model_file",
    "open_backend",
]
