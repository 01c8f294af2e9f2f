"""Fits a predictor to measured milliseconds, and measures how far off it is where it did not look."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.stats import kendalltau, spearmanr
from sklearn import config_context
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

from nas.latency.corrections import Array, Commonest, Correction, Curves, agreement
from nas.latency.predictor import Column, Predictor

FOLDS, FOLDS_WITHIN = 5, 3
SHRINK = 1e-5  # of the line's weights towards 0, so that like columns share
WIDTHS = (0.5, 1.5)  # of a correction's curves, in typical distances between networks
NOISES = (0.03, 0.3)  # the share of deviations that is taken for chance
ROUNDS, CORRECTION_ROUNDS = 8, 3  # of fitting anew with far-off measurements counting less
LEAST_SPREAD = 0.02  # deviations below are never far off
MOST_ERROR = 0.3  # beyond which it does not matter how wrong a prediction is, where settings are compared
WORTH, WORTH_AT_LEAST = 0.03, 0.0005  # of the simplest settings' error, and of all, that others must save
NEARBY = 0.25  # how far a network reaches that tells what is commonest, in typical distances between networks
WORTH_AGREEING = 0.001  # more must agree with what is commonest than with the nearest
LENIENCE = 0.03  # in comparing the two, so that chance decides less

Rows = NDArray[np.int64]
Progress = Callable[[int, int], None]  # steps done, of


@dataclass(frozen=True)
class Settings:
    """What cross-validation chooses.

    `robust`: whether measurements far off the line count less, as a device's slow moments should
    and a kind of network that costs more should not. `width` and `noise` of curves that correct it; a
    width of 0 is none. `commonest`: whether it is corrected by what most networks nearby were off by.
    """

    robust: bool = True
    width: float = 0.0
    noise: float = 0.0
    commonest: bool = False


SIMPLEST, COMMONEST = Settings(), Settings(commonest=True)
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
    fitted = _Fit([columns[index] for index in used], features[:, used], measured, SIMPLEST.robust)
    return _spread_out(columns, used, fitted, SIMPLEST)


def _fit(
    columns: Sequence[Column], features: Array, measured: Array, seed: int, progress: Progress | None
) -> tuple[Predictor, Report]:
    used = _distinct(columns, features)
    distinct, x = [columns[index] for index in used], features[:, used]
    held_out = np.zeros(len(measured))
    folds = _folds(len(measured), FOLDS, seed)
    for done, (seen, left) in enumerate(folds):
        chosen = _chosen(distinct, x[seen], measured[seen], FOLDS_WITHIN, seed)
        held_out[left] = _Fit(distinct, x[seen], measured[seen], chosen.robust).predicted(chosen, x[left])
        if progress is not None:
            progress(done + 1, len(folds) + 1)
    chosen = _chosen(distinct, x, measured, FOLDS, seed)
    whole = _Fit(distinct, x, measured, chosen.robust)
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


def _chosen(columns: Sequence[Column], features: Array, measured: Array, folds: int, seed: int) -> Settings:
    """The settings whose predictions of left-out networks are nearest; the simplest unless others are clearly.

    Nearest is not all: the commonest is told where more measurements agree with it.
    """
    errors = {settings: [] for settings in (*CANDIDATES, COMMONEST)}  # type: dict[Settings, list[Array]]
    for seen, left in _folds(len(measured), folds, seed + 1):
        fits = {robust: _Fit(columns, features[seen], measured[seen], robust) for robust in (True, False)}
        for settings, found in errors.items():
            predicted = fits[settings.robust].predicted(settings, features[left])
            found.append(np.abs(predicted / measured[left] - 1))
    mean = {settings: _mean_error(errors[settings]) for settings in CANDIDATES}
    best = min(CANDIDATES, key=mean.__getitem__)
    if mean[SIMPLEST] - mean[best] <= max(WORTH * mean[SIMPLEST], WORTH_AT_LEAST):
        best = SIMPLEST
    agreed, agreed_with_best = (_agreement(errors[settings]) for settings in (COMMONEST, best))
    return COMMONEST if agreed - agreed_with_best > WORTH_AGREEING else best


def _mean_error(errors: Sequence[Array]) -> float:
    return float(np.minimum(np.concatenate(errors), MOST_ERROR).mean())


def _agreement(errors: Sequence[Array]) -> float:
    return float(agreement(np.concatenate(errors), LENIENCE).mean())


class _Fit:
    """A line fitted once, on which corrections of all settings are tried."""

    def __init__(self, columns: Sequence[Column], features: Array, measured: Array, robust: bool):
        self.columns, self.features = tuple(columns), features
        self.rounds = ROUNDS if robust else 1
        self.constant, self.weights = _line(features, measured, self.rounds)
        self.line = self.constant + features @ self.weights
        self.off = measured / self.line - 1
        self.centre, spread = features.mean(0), features.std(0)
        self.varying = spread > 1e-9 * np.maximum(np.abs(self.centre), 1e-12)
        self.alike = np.where(self.varying, 1 / np.where(self.varying, spread, 1.0), 0.0)  # takes all to spread alike
        self.scale = self.alike / np.sqrt(max(1, self.varying.sum()))
        self.points = ((features - self.centre) * self.scale)[:, self.varying]

    @cached_property
    def distances(self) -> Array:
        """Squared, between the points, (N, N)."""
        squares = np.square(self.points).sum(1)
        between: Array = np.maximum(squares[:, None] + squares - 2 * self.points @ self.points.T, 0)
        return between

    def predicted(self, settings: Settings, features: Array) -> Array:
        return Predictor(self.columns, self.constant, self.weights, self.correction(settings)).milliseconds(features)

    def correction(self, settings: Settings) -> Correction | None:
        if settings.commonest:
            return self._commonest
        return self._curves(settings) if settings.width and self.points.size else None

    def _curves(self, settings: Settings) -> Curves:
        """Kernel ridge regression of what the line is off by."""
        kernel = np.exp(self.distances * (-0.5 / settings.width**2))
        counts = np.ones(len(kernel))
        model = KernelRidge(alpha=settings.noise, kernel="precomputed")
        for _ in range(min(self.rounds, CORRECTION_ROUNDS)):
            model.fit(kernel, self.off, sample_weight=counts)
            counts = _counts(self.off - kernel @ model.dual_coef_)
        return Curves(self.centre, self.scale, self.points, settings.width, np.asarray(model.dual_coef_))

    @cached_property
    def _commonest(self) -> Commonest | None:
        """The networks in distances to which a kind of op adds the more, the more its cost varies."""
        scale = np.zeros(len(self.columns))
        for kind in {kind for kind, _ in self.columns}:
            own = self.varying & np.array([kind == other for other, _ in self.columns])
            share = self.features[:, own] @ self.weights[own] / self.line
            scale[own] = np.sqrt(share.std() / max(1, own.sum())) * self.alike[own]
        points = ((self.features - self.centre) * scale)[:, scale > 0]
        apart = pdist(points)
        if not (apart > 0).any():
            return None
        typical = float(np.median(apart[apart > 0]))
        return Commonest(self.centre, scale / typical, points / typical, NEARBY, self.off)


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
        c = replace(c, centre=over_all(c.centre), scale=over_all(c.scale))
    return Predictor(tuple(columns), fitted.constant, over_all(fitted.weights), c)
