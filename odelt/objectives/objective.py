"""What an objective declares: all that other rooms know of it."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

FINEST_D = 7  # the finest step size that networks are trained for is 2^-7 (SPEC 1)
SHARE = 1 / 8  # of the rows, with targets of time consistency, where there are flow rows too (SPEC 4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """A rule of time consistency (SPEC 4.2, 9.6): which rows there are, and which of them guidance changes."""

    name: str
    pairs: bool = False  # every image makes two rows: a plain one and a guided one
    fixes_d: bool = False  # the number of rows of each d is fixed; those of the finest d are guided
    clip: float | None = None  # the walk and the targets are clipped to ± this


@runtime_checkable
class Settings(Protocol):
    """What an objective reads of a training run's settings (`odelt.config.Training`)."""

    @property
    def batch_size(self) -> int: ...
    @property
    def guidance(self) -> float: ...
    @property
    def class_dropout(self) -> float: ...
    @property
    def bootstrap(self) -> Bootstrap: ...
    @property
    def continuous_time(self) -> bool: ...
    @property
    def released_noise(self) -> bool: ...
    @property
    def consistency_rows(self) -> int: ...
    @property
    def consistency_draws(self) -> int: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flow:
    """Rows whose targets are made of noise and data alone, one of each image.

    `path(x0, x1, t, epsilon)` returns x_t and the velocity there, for images [N, H, W, C] and times [N, 1, 1, 1].
    """

    path: Callable[..., tuple[Any, Any]]
    d: int = 0  # the condition of these rows
    settings_choose_times: bool = False  # t = 1 included, or continuous; else on the grid of 1/128 below 1 (SPEC 4.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Consistency:
    """The first rows, whose targets networks answer.

    `rows(draw)`, of a `rows.Draw`, returns the rows and the replies to the questions that came with the draw.
    """

    rows: Callable[[Any], tuple[Any, Any]]
    evaluations: Callable[[Settings], float]  # of the network, without a gradient, for each row
    share: float = SHARE  # of the batch
    draws: Callable[[Settings], int] = lambda settings: settings.consistency_rows  # of noise, a label and an image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objective:
    """What a network is trained towards (SPEC 4): a batch of consistency rows, then flow rows.

    A new objective is a module with one of these, and its name in `OBJECTIVES`.
    """

    name: str
    flow: Flow | None = None
    consistency: Consistency | None = None
    step_conditioned: bool = False  # whether the network sees d; else the input of its d-embedding is always 0
