"""What a training is told: frozen dataclasses, checked on construction; every default stands here and nowhere else."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
UNKNOWN_LICENCE = "unknown: set by who trained it"
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Network:
    """What is trained.

    Attributes
    ----------
    architecture : str
        A name of `networks.registry.architectures`.
    pretrained : bool
        Begin with torchvision's weights (Kinetics, COCO); else at random.
    size : int
        Side of the square frames in pixels; videos of another size are letterboxed into it.
    """

    architecture: str
    pretrained: bool = False
    size: PositiveInt = 112


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Optimiser:
    """How weights move.

    Attributes
    ----------
    schedule : "constant", "step" or "cosine"
        ``step`` multiplies the rate by `step_factor` every `step_epochs`; ``cosine`` ends at 0.
    warmup_steps : int
        The rate rises linearly over these.
    clip_norm : float
        Longest gradient; 0: any.
    average : float
        Keep of the exponential moving average of the weights, which is then what is validated and exported; 0: none.
    """

    kind: Literal["sgd", "adamw"] = "adamw"
    learning_rate: PositiveFloat = 1e-3
    momentum: NonNegativeFloat = 0.9
    weight_decay: NonNegativeFloat = 1e-2
    schedule: Literal["constant", "step", "cosine"] = "cosine"
    step_epochs: PositiveInt = 15
    step_factor: PositiveFloat = 0.1
    warmup_steps: NonNegativeInt = 0
    clip_norm: NonNegativeFloat = 0.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Course:
    """How long, and when to look.

    Attributes
    ----------
    batch : int
        Studies a step, over all processes together.
    epoch_steps : int
        Steps between validations; 0: as many as go once through the training studies.
    patience : int
        Epochs without a better validation after which the training ends; 0: it never ends early.
    monitor : str
        The validation's figure that chooses the best weights: ``loss``, or ``dice`` (segmentation), ``mae`` (EF).
    checkpoint_minutes : float
        Time between checkpoints within an epoch; each validation writes one, too. 0: one after every step.
    """

    epochs: PositiveInt = 30
    batch: PositiveInt = 16
    epoch_steps: NonNegativeInt = 0
    seed: NonNegativeInt = 1
    patience: NonNegativeInt = 0
    monitor: Literal["loss", "dice", "mae"] = "loss"
    checkpoint_minutes: NonNegativeFloat = 5.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Studies:
    """Which studies are learned from, and how often each.

    Attributes
    ----------
    patients : int
        Learn from so many, drawn by the seed; 0: all.
    noise : float
        Share of the pixels blacked out, frame by frame: the published ablation's simulated noise.
    balance : float
        0 draws every study equally often; 1 draws every range of EF equally often; between, in between.
    ef_edges : tuple of float
        Borders between the ranges of EF.
    normalise_on : int
        Training studies from which mean and deviation of grey are taken.
    """

    patients: NonNegativeInt = 0
    noise: Annotated[float, Field(ge=0, lt=1)] = 0.0
    balance: Share = 0.0
    ef_edges: tuple[float, ...] = (40.0, 50.0)
    normalise_on: PositiveInt = 128


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Machine:
    """Where it runs. Nothing here changes what is learned beyond rounding, so it may change when a run goes on.

    Attributes
    ----------
    precision : "auto", "32", "bf16" or "16"
        ``auto``: bf16 on a GPU, else 32. Where GPU or processor only imitate bf16, 32 is taken for it.
    microbatch : int
        Items that go through the network at once in one process; gradients of the rest of the batch are added up. 0:
        the whole batch, halved when the GPU's memory does not hold it.
    workers : int
        Processes that load; -1: chosen from the cores and the memory there are.
    prefetch : int
        Batches that each loads ahead; 0: chosen.
    pin_memory : bool or None
        None: where there is a GPU.
    compile : bool
        Run the network by torch.compile.
    channels_last : bool
        The memory layout that GPUs prefer.
    """

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: NonNegativeInt = 0
    nodes: PositiveInt = 1
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    microbatch: NonNegativeInt = 0
    workers: Annotated[int, Field(ge=-1)] = -1
    prefetch: NonNegativeInt = 0
    pin_memory: bool | None = None
    compile: bool = False
    channels_last: bool = False


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Clips:
    """What of a video an EF network sees.

    Attributes
    ----------
    frames : int
        Of a clip.
    period : int
        Every which frame of the video is taken, whatever its frame rate.
    rate_hz : float
        Frames a second of a clip instead of `period`: the same movement at every frame rate. 0: by `period`.
    whole : bool
        The entire video instead of clips, for networks that take any length.
    most_frames : int
        A longer video is cut at a random place, in training, with `whole`.
    each : int
        Clips of a study whose predictions are averaged before the loss.
    spread_s : float
        Time from the first of these to the last: about one beat.
    margin_px : int
        Zeros around each frame, from which a window of the frame's size is cut at random.
    reverse : float
        Share of the clips that run backwards.
    speed : (low, high)
        A clip's speed is drawn between these.
    """

    frames: PositiveInt = 32
    period: PositiveInt = 2
    rate_hz: NonNegativeFloat = 0.0
    whole: bool = False
    most_frames: PositiveInt = 128
    each: PositiveInt = 1
    spread_s: NonNegativeFloat = 0.0
    margin_px: NonNegativeInt = 0
    reverse: Share = 0.0
    speed: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EFLoss:
    """What an EF network is punished for.

    Attributes
    ----------
    kind : "mse", "l1" or "huber"
        Of the EF in percent.
    huber_delta : float
        Percent; beyond it the Huber loss is linear.
    lds : "none", "inverse" or "sqrt_inverse"
        Weight each study by the inverse of the smoothed density of its label, or by its root (Yang et al. 2021).
    lds_bin : float
        Width of a bin of the density in percent.
    lds_kernel : int
        Bins that the Gaussian reaches over which smooths it.
    lds_sigma : float
        Its deviation in bins.
    ranksim : float
        Weight of the ranking regulariser (Gong et al. 2022).
    ranksim_step : float
        Its interpolation strength.
    volumes : float
        Weight of the auxiliary heads for EDV and ESV; 0: no such heads.
    """

    kind: Literal["mse", "l1", "huber"] = "mse"
    huber_delta: PositiveFloat = 5.0
    lds: Literal["none", "inverse", "sqrt_inverse"] = "none"
    lds_bin: PositiveFloat = 1.0
    lds_kernel: PositiveInt = 5
    lds_sigma: PositiveFloat = 2.0
    ranksim: NonNegativeFloat = 0.0
    ranksim_step: PositiveFloat = 2.0
    volumes: NonNegativeFloat = 0.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MaskLoss:
    """What a segmentation network is punished for.

    Attributes
    ----------
    kind : "bce" or "dice"
        ``bce``: cross-entropy summed over the batch's pixels, mean of end-diastole and end-systole, as published.
        ``dice``: mean cross-entropy and soft Dice.
    consistency : float
        Weight of the agreement over time on unlabelled frames near the traced ones; 0: they are not read.
    consistency_within : int
        How many frames away from a traced one they may lie.
    """

    kind: Literal["bce", "dice"] = "dice"
    consistency: NonNegativeFloat = 0.0
    consistency_within: PositiveInt = 8


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SegmentationConfig:
    """How a segmentation network is trained.

    Attributes
    ----------
    augment : float
        Strength of the augmentation of geometry and appearance, see `Augmentation`; 0: images as they are.
    licence : str
        Of the weights, as the card shall say it.
    """

    network: Network
    optimiser: Optimiser = field(default_factory=Optimiser)
    course: Course = field(default_factory=Course)
    studies: Studies = field(default_factory=Studies)
    loss: MaskLoss = field(default_factory=MaskLoss)
    augment: NonNegativeFloat = 0.0
    licence: str = UNKNOWN_LICENCE
    machine: Machine = field(default_factory=Machine)

    @model_validator(mode="after")
    def _fits(self) -> SegmentationConfig:
        if self.course.monitor not in ("loss", "dice"):
            raise ValueError("course.monitor is loss or dice")
        return self


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EFConfig:
    """How an EF network is trained.

    Attributes
    ----------
    validation_clips : int
        Clips of a study, evenly spread, averaged in validation. 1: one at a random place, the same in every epoch.
    licence : str
        Of the weights, as the card shall say it.
    """

    network: Network
    optimiser: Optimiser = field(default_factory=Optimiser)
    course: Course = field(default_factory=Course)
    studies: Studies = field(default_factory=Studies)
    clips: Clips = field(default_factory=Clips)
    loss: EFLoss = field(default_factory=EFLoss)
    validation_clips: PositiveInt = 1
    licence: str = UNKNOWN_LICENCE
    machine: Machine = field(default_factory=Machine)

    @model_validator(mode="after")
    def _fits(self) -> EFConfig:
        if self.course.monitor not in ("loss", "mae"):
            raise ValueError("course.monitor is loss or mae")
        if self.clips.whole and self.clips.each > 1:
            raise ValueError("clips.whole leaves nothing to average: clips.each is 1 then")
        return self


def check_size(size: int, halvings: int) -> None:
    """Refuse frames whose side a network cannot halve so often.

    Raises
    ------
    ValueError
    """
    if size % 2**halvings:
        raise ValueError(f"size is a multiple of {2**halvings} for this network")


Config = SegmentationConfig | EFConfig
Task = Literal["segmentation", "ef"]
CONFIGS: dict[str, type[SegmentationConfig] | type[EFConfig]] = {"segmentation": SegmentationConfig, "ef": EFConfig}
