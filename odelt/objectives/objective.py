"""What an objective declares: all that other rooms know of it."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from odelt.errors import OdeltError
from odelt.solvers import SOLVERS

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
    def guidance(self) -> float: ...
    @property
    def guides(self) -> bool: ...
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flow:
    """Rows whose targets are made of noise and data alone, one of each image.

    `path(x0, x1, t, epsilon)` returns x_t and the velocity there, for images [N, H, W, C] and times [N, 1, 1, 1].
    """

    path: Callable[..., tuple[Any, Any]]
    d: int = 0  # the condition of these rows
    needs_epsilon: bool = False
    settings_choose_times: bool = False  # t = 1 included, or continuous; else on the grid of 1/128 below 1 (SPEC 4.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Consistency:
    """The first rows, whose targets networks answer.

    `rows(draw)`, of a `rows.Draw`, returns the rows and the replies to the questions that came with the draw.
    `target(given)`, of a `rows.Given`, returns x_t and the target for given noise, data, times and labels.
    """

    rows: Callable[[Any], tuple[Any, Any]]
    target: Callable[[Any], tuple[Any, Any]]
    evaluations: Callable[[Settings], float]  # of networks, without a gradient, for each row
    asks: tuple[str, ...] = ("ema",)  # "student" is the raw weights, "teacher" a copy of an EMA
    d: tuple[int, ...] = (0,)  # the conditions of these rows
    share: float = SHARE  # of the batch
    draws: Callable[[Settings], int] = lambda settings: settings.consistency_rows  # of noise and a label
    takes_images: bool = True  # an image for each draw; else the data are made, and labels are those of flow rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objective:
    """What a network is trained towards (SPEC 4): a batch of consistency rows, then flow rows.

    A new objective is a module with one of these, and its name in `OBJECTIVES`.
    """

    name: str
    flow: Flow | None = None
    consistency: Consistency | None = None
    inner_ode: bool = True  # whether it combines with the inner ODE
    solvers: tuple[str, ...] = ()  # the names of those that make sense; without them all that solve an ODE
    distils: bool = False  # it goes on with the raw weights and the EMA of its start; a copy of that EMA is its teacher
    renews_teacher: bool = False  # the EMA is copied again when a phase begins

    @property
    def trained_d(self) -> set[int]:
        """The conditions of all its rows; 0 alone: the network never sees d."""
        return {*((self.flow.d,) if self.flow else ()), *(self.consistency.d if self.consistency else ())}

    @property
    def step_conditioned(self) -> bool:
        """Whether the network sees d."""
        return self.trained_d != {0}

    @property
    def chooses_d(self) -> bool:
        """Whether each consistency row has a d of its own."""
        return self.consistency is not None and len(self.consistency.d) > 1

    def check_solver(self, solver: object) -> None:
        """Raises OdeltError if this solver (`<name>:<parameter>`) makes no sense for networks of this objective."""
        name = str(solver).partition(":")[0]
        if self.solvers and name not in self.solvers:
            allowed = " or ".join(f"{name}:T" for name in self.solvers)
            raise OdeltError(f"solver '{solver}' makes no sense for the objective '{self.name}'; use {allowed}")
        if not self.solvers and SOLVERS[name].order is None:
            raise OdeltError(f"solver '{solver}' makes no sense for the objective '{self.name}', which learns an ODE")

    @property
    def teaches(self) -> bool:
        """Whether a distillation may start from its networks: those of flow matching that never saw d."""
        return self.flow is not None and not self.step_conditioned

    def sampling_d(self, d: int) -> int:
        """Returns the condition for a solver whose own is d: the nearest of the trained ones that is not finer."""
        return max(trained for trained in self.trained_d if trained <= d)
