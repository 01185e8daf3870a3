"""Models: cards (data), sessions (running a network), frames to masks, clips to EF, views. No torch here."""

from echobeat.models.beat_reader import BeatReader
from echobeat.models.cards import Card, ClipSpec, Metric, bundled_cards, list_cards, load_card, model_file
from echobeat.models.ejection_fraction import (
    EjectionFractionModel,
    VideoReader,
    companion,
    load_ef_model,
    load_video_reader,
)
from echobeat.models.segmentation import Segmenter, load_segmenter
from echobeat.models.session import Backend, BackendName, check_backend, open_backend
from echobeat.models.view import VIEW_CLASSES, ViewReader, bundled_view, load_view_reader

__all__ = [
    "VIEW_CLASSES",
    "Backend",
    "BackendName",
    "BeatReader",
    "Card",
    "ClipSpec",
    "EjectionFractionModel",
    "Metric",
    "Segmenter",
    "VideoReader",
    "ViewReader",
    "bundled_cards",
    "bundled_view",
    "check_backend",
    "companion",
    "list_cards",
    "load_card",
    "load_ef_model",
    "load_segmenter",
    "load_video_reader",
    "load_view_reader",
    "model_file",
    "open_backend",
]
