"""Fits a predictor to measured milliseconds, and measures how far off it is where it did not look."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr
from sklearn import config_context
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

from nas.latency.predictor import Array, Column, Correction, Predictor

FOLDS, FOLDS_WITHIN = 5, 3
SHRINK = 1e-5  # of the line's weights towards 0, so that like columns share
WIDTHS = (0.5, 1.5)  # of a correction's curves, in typical distances between networks
NOISES = (0.03, 0.3)  # the share of deviations that is taken for chance
ROUNDS, CORRECTION_ROUNDS = 8, 3  # of fitting anew with far-off measurements counting less
LEAST_SPREAD = 0.02  # deviations below are never far off
MOST_ERROR = 0.3  # beyond which it does not matter how wrong a prediction is, where settings are compared
WORTH, WORTH_AT_LEAST = 0.03, 0.0005  # of the simplest settings' error, and of all, that others must save

Rows = NDArray[np.int64]
Progress = Callable[[int, int], None]  # steps done, of


@dataclass(frozen=True)
class Settings:
    """What cross-validation chooses.

    `robust`: whether measurements far off the line count less, as a device's slow moments should
    and a kind of network that costs more should not. `width` and `noise` of the correction; a
    width of 0 is none.
    """

    robust: bool = True
    width: float = 0.0
    noise: float = 0.0


SIMPLEST = Settings()
CANDIDATES = (
    SIMPLEST,
    Settings(robust=False),
    *(Settings(*chosen) for chosen in product((True, False), WIDTHS, NOISES)),
)


@dataclass(frozen=True)
class Report:
    """How far predictions were off on networks that the fit had not seen.

    Errors are shares of the measured milliseconds; `within_5` to `within_20` are the shares of
    networks within 5, 10 and 20 %, and nine in ten were off by less than `nine_in_ten`.
    """

    networks: int
    median: float
    nine_in_ten: float
    worst: float
    within_5: float
    within_10: float
    within_20: float
    rmspe: float
    spearman: float
    kendall: float

    def content(self) -> dict[str, float]:
        """The numbers by name, rounded to what they carry."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score(predicted: Array, measured: Array) -> Report:
    """How well `predicted` (N,) meet `measured` (N,)."""
    errors = np.abs(predicted / measured - 1)
    within_5, within_10, within_20 = (float((errors <= share).mean()) for share in (0.05, 0.10, 0.20))
    return Report(
        len(measured),
        float(np.median(errors)),
        float(np.quantile(errors, 0.9)),
        float(errors.max()),
        within_5,
        within_10,
        within_20,
        float(np.sqrt((errors**2).mean())),
        _rank(spearmanr, predicted, measured),
        _rank(kendalltau, predicted, measured),
    )


def _rank(correlation: Callable[..., object], predicted: Array, measured: Array) -> float:
    """0 where all are equal, which leaves nothing to rank."""
    if np.ptp(predicted) == 0 or np.ptp(measured) == 0:
        return 0.0
    return float(correlation(predicted, measured).statistic)  # type: ignore[attr-defined]


def fit(
    columns: Sequence[Column], features: Array, measured: Array, seed: int, progress: Progress | None = None
) -> tuple[Predictor, Report]:
    """The predictor fitted to all, and the report of cross-validation.

    `features` (N, D), `measured` (N,). In each fold the settings are chosen anew from the others
    alone.
    """
    with config_context(assume_finite=True, skip_parameter_validation=True):  # or checking takes most of the time
        return _fit(columns, features, measured, seed, progress)


def fit_line(columns: Sequence[Column], features: Array, measured: Array) -> Predictor:
    """The predictor without a correction, and with nothing chosen: for more measurements than `fit` has time for."""
    used = _distinct(columns, features)
    return _spread_out(columns, used, _Fit(features[:, used], measured, SIMPLEST.robust), SIMPLEST)


def _fit(
    columns: Sequence[Column], features: Array, measured: Array, seed: int, progress: Progress | None
) -> tuple[Predictor, Report]:
    used = _distinct(columns, features)
    held_out = np.zeros(len(measured))
    folds = _folds(len(measured), FOLDS, seed)
    for done, (seen, left) in enumerate(folds):
        chosen = _chosen(features[seen][:, used], measured[seen], FOLDS_WITHIN, seed)
        held_out[left] = _Fit(features[seen][:, used], measured[seen], chosen.robust).predicted(
            chosen, features[left][:, used]
        )
        if progress is not None:
            progress(done + 1, len(folds) + 1)
    chosen = _chosen(features[:, used], measured, FOLDS, seed)
    whole = _Fit(features[:, used], measured, chosen.robust)
    if progress is not None:
        progress(len(folds) + 1, len(folds) + 1)
    return _spread_out(columns, used, whole, chosen), score(held_out, measured)


def _folds(count: int, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    return list(KFold(folds, shuffle=True, random_state=seed).split(np.arange(count)))


def _distinct(columns: Sequence[Column], features: Array) -> Rows:
    """Columns that are no multiple of another one of the same kind of op, which would say the same."""
    kept: list[int] = []
    known: set[tuple[str, bytes]] = set()
    for index, (kind, _) in enumerate(columns):
        column = features[:, index]
        shape = (kind, np.round(column / max(column.max(), 1e-12), 9).tobytes())
        if column.any() and shape not in known:
            known.add(shape)
            kept.append(index)
    return np.array(kept)


def _chosen(features: Array, measured: Array, folds: int, seed: int) -> Settings:
    """The settings whose predictions of left-out networks are nearest; the simplest unless others are clearly."""
    errors = {settings: [] for settings in CANDIDATES}  # type: dict[Settings, list[Array]]
    for seen, left in _folds(len(measured), folds, seed + 1):
        fits = {robust: _Fit(features[seen], measured[seen], robust) for robust in (True, False)}
        for settings in CANDIDATES:
            predicted = fits[settings.robust].predicted(settings, features[left])
            errors[settings].append(np.abs(predicted / measured[left] - 1))
    mean = {settings: _mean_error(errors[settings]) for settings in CANDIDATES}
    best = min(CANDIDATES, key=mean.__getitem__)
    needed = max(WORTH * mean[SIMPLEST], WORTH_AT_LEAST)
    return best if mean[SIMPLEST] - mean[best] > needed else SIMPLEST


def _mean_error(errors: Sequence[Array]) -> float:
    return float(np.minimum(np.concatenate(errors), MOST_ERROR).mean())


class _Fit:
    """A line fitted once, on which corrections of all settings are tried."""

    def __init__(self, features: Array, measured: Array, robust: bool):
        self.rounds = ROUNDS if robust else 1
        self.constant, self.weights = _line(features, measured, self.rounds)
        self.off = measured / (self.constant + features @ self.weights) - 1
        self.centre, spread = features.mean(0), features.std(0)
        varying = spread > 1e-9 * np.maximum(np.abs(self.centre), 1e-12)
        self.scale = np.where(varying, 1 / np.where(varying, spread, 1.0), 0.0) / np.sqrt(max(1, varying.sum()))
        self.points = ((features - self.centre) * self.scale)[:, varying]

    @cached_property
    def distances(self) -> Array:
        """Squared, between the points, (N, N)."""
        squares = np.square(self.points).sum(1)
        between: Array = np.maximum(squares[:, None] + squares - 2 * self.points @ self.points.T, 0)
        return between

    def predicted(self, settings: Settings, features: Array) -> Array:
        names = tuple((str(index), "") for index in range(features.shape[1]))
        return Predictor(names, self.constant, self.weights, self.correction(settings)).milliseconds(features)

    def correction(self, settings: Settings) -> Correction | None:
        """Kernel ridge regression of what the line is off by."""
        if not settings.width or not self.points.size:
            return None
        kernel = np.exp(self.distances * (-0.5 / settings.width**2))
        counts = np.ones(len(kernel))
        model = KernelRidge(alpha=settings.noise, kernel="precomputed")
        for _ in range(min(self.rounds, CORRECTION_ROUNDS)):
            model.fit(kernel, self.off, sample_weight=counts)
            counts = _counts(self.off - kernel @ model.dual_coef_)
        return Correction(self.centre, self.scale, self.points, np.asarray(model.dual_coef_), settings.width)


def _line(features: Array, measured: Array, rounds: int) -> tuple[float, Array]:
    """(constant, weights), none below 0: least squares of relative errors.

    In further rounds measurements count the less, the farther off the line they are.
    """
    shares = np.column_stack([np.ones(len(measured)), features]) / measured[:, None]
    typical = shares.mean(0)
    typical[typical == 0] = 1.0
    shrinking = np.eye(shares.shape[1]) * np.sqrt(SHRINK * len(measured))
    rows = np.vstack([shares / typical, shrinking])
    target = np.concatenate([np.ones(len(measured)), np.zeros(len(shrinking))])
    counts = np.ones(len(measured))
    model = LinearRegression(positive=True, fit_intercept=False)
    for _ in range(rounds):
        model.fit(rows, target, sample_weight=np.concatenate([counts, np.ones(len(shrinking))]))
        counts = _counts(model.predict(rows[: len(measured)]) - 1)
    solution = model.coef_ / typical
    return float(solution[0]), solution[1:]


def _counts(off: Array) -> Array:
    """How much each measurement counts, by its distance: the weights of a Cauchy distribution."""
    usual = max(LEAST_SPREAD, 1.5 * float(np.median(np.abs(off))))
    counts: Array = 1 / (1 + (off / usual) ** 2)
    return counts


def _spread_out(columns: Sequence[Column], used: Rows, fitted: _Fit, settings: Settings) -> Predictor:
    """The predictor for all columns, of which those not used cost nothing by themselves."""

    def over_all(values: Array) -> Array:
        whole = np.zeros(len(columns))
        whole[used] = values
        return whole

    c = fitted.correction(settings)
    if c is not None:
        c = Correction(over_all(c.centre), over_all(c.scale), c.points, c.heights, c.width)
    return Predictor(tuple(columns), fitted.constant, over_all(fitted.weights), c)
