"""The strategies that come with Optuna, with those of their options that experiments may set."""

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import ClassVar

from optuna.samplers import BaseSampler, RandomSampler

from nas.search.samplers.imputed import ImputedCmaEs, ImputedGP
from nas.search.samplers.repeatable import EndlessBruteForce, NumberedQMC, SettledNSGAII, SettledNSGAIII
from nas.search.samplers.strategy import Choices, Draw, Ranges, Strategy, Words, ordered
from nas.search.samplers.unrepeated import UnrepeatedTPE


@dataclass(frozen=True)
class Random(Strategy):
    """Every architecture alike."""

    name = "random"

    def make(self, draw: Draw) -> BaseSampler:
        """Independent of all other trials."""
        return RandomSampler(seed=draw.seed)


@dataclass(frozen=True)
class Tpe(Strategy):
    """Tree-structured Parzen estimator (Bergstra et al., 2011), by default of all choices together.

    Only then is it known of a candidate whether it was proposed before.
    """

    n_startup_trials: int = 10
    n_ei_candidates: int = 24
    multivariate: bool = True
    group: bool = False

    name = "tpe"
    ranges: ClassVar[Ranges] = {"n_startup_trials": (1, 100_000), "n_ei_candidates": (1, 10_000)}

    def make(self, draw: Draw) -> BaseSampler:
        """Groups need the joint estimator, which is experimental in Optuna."""
        options = asdict(self) | {"multivariate": self.multivariate or self.group}
        return UnrepeatedTPE(seed=draw.seed, **options)


@dataclass(frozen=True)
class Gp(Strategy):
    """Gaussian process with expected improvement; needs PyTorch. Numbers are seen in their order."""

    n_startup_trials: int = 10

    name = "gp"
    ranges: ClassVar[Ranges] = {"n_startup_trials": (1, 100_000)}

    def make(self, draw: Draw) -> BaseSampler:
        """Fitted anew for each trial."""
        return ImputedGP(seed=draw.seed, n_startup_trials=self.n_startup_trials, warn_independent_sampling=False)

    def by_place(self, choices: Choices) -> frozenset[str]:
        """Between 24 and 40 channels lie 32."""
        return ordered(choices)

    def lacks(self, choices: Choices) -> str:  # noqa: ARG002
        """PyTorch is no part of a usual installation."""
        return "" if find_spec("torch") else "found no PyTorch; expected it installed, as by pip install edgescale[gp]"


@dataclass(frozen=True)
class Nsga2(Strategy):
    """NSGA-II, a genetic algorithm by non-domination and crowding (Deb et al., 2002)."""

    population_size: int = 20
    crossover_prob: float = 0.9
    swapping_prob: float = 0.5

    name = "nsga-ii"
    ranges: ClassVar[Ranges] = {"population_size": (2, 100_000), "crossover_prob": (0, 1), "swapping_prob": (0, 1)}

    def make(self, draw: Draw) -> BaseSampler:
        """Generations are kept with the trials."""
        return SettledNSGAII(draw.seed, **asdict(self))


@dataclass(frozen=True)
class Nsga3(Nsga2):
    """NSGA-III, by reference points instead of crowding: for three objectives and more (Deb and Jain, 2014)."""

    name = "nsga-iii"

    def make(self, draw: Draw) -> BaseSampler:
        """Generations are kept with the trials."""
        return SettledNSGAIII(draw.seed, **asdict(self))


@dataclass(frozen=True)
class CmaEs(Strategy):
    """CMA-ES (Hansen and Ostermeier, 2001) over the choices of numbers; the others are drawn at random."""

    popsize: int = 0
    with_margin: bool = True

    name = "cma-es"
    ranges: ClassVar[Ranges] = {"popsize": (0, 100_000)}
    most_objectives = 1

    def make(self, draw: Draw) -> BaseSampler:
        """The distribution is kept with the trials; `popsize` 0 is 4 + 3 ln(choices)."""
        return ImputedCmaEs(
            seed=draw.seed,
            popsize=self.popsize or None,
            with_margin=self.with_margin,
            warn_independent_sampling=False,
            independent_sampler=RandomSampler(seed=draw.seed),
        )

    def by_place(self, choices: Choices) -> frozenset[str]:
        """A normal distribution is over what has an order."""
        return ordered(choices)

    def lacks(self, choices: Choices) -> str:
        """It needs a plane at least."""
        if len(found := ordered(choices)) >= 2:
            return ""
        said = f"{len(found)} of {len(choices)} choices between numbers"
        return f"found {said}; expected at least 2, because it moves along an order, which names do not have"


@dataclass(frozen=True)
class Qmc(Strategy):
    """A low-discrepancy sequence, which fills the space evenly."""

    type: str = "sobol"
    scramble: bool = True

    name = "qmc"
    words: ClassVar[Words] = {"type": ("halton", "sobol")}

    def make(self, draw: Draw) -> BaseSampler:
        """One sequence for the study."""
        return NumberedQMC(draw, self.type, self.scramble)

    def by_place(self, choices: Choices) -> frozenset[str]:
        """All that leave a choice: of what is evenly filled, the order does not matter."""
        return frozenset(name for name, values in choices.items() if len(values) > 1)


@dataclass(frozen=True)
class Grid(Strategy):
    """Every combination of choices once, in random order."""

    name = "grid"
    exhaustive = True

    def make(self, draw: Draw) -> BaseSampler:
        """What is left is read from the trials."""
        return EndlessBruteForce(seed=draw.seed)
