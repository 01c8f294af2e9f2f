"""The largest member of a family that a budget allows.

Cost is no smooth function of phi: depths round up, widths to multiples, and an Edge TPU's
latency jumps where the weights no longer fit on the chip, to fall again where a wider
network needs fewer passes. So nothing is bisected: the search comes down from members that are
too large, by half of what the formula says is too much, and takes the first that fits.
"""

import math

from nas.architecture import Architecture
from scaling.compound import PAPER, Coefficients, Dimension, Phis
from scaling.families import USUAL, Rules
from scaling.fill import fill
from scaling.tried import RANGE, STEP, Fit, Tried, Used, on_grid

ENOUGH = 0.9  # a member that uses so much of its budget is left as the formula has it
ALL: tuple[Dimension, ...] = ("depth", "width", "resolution")
REACHES = (1.0, 2.0, 4.0, 8.0)  # of phi: how far a dimension may be moved from the proportion to fill a budget

# In which dimensions a member may go on alone where the three together can not, and by how much phi.
GOING_ON: tuple[tuple[Dimension, ...], ...] = (("width", "resolution"), ("resolution",), ("width",), ("depth",))
REACH = 2.0
CACHED_GOING_ON: tuple[tuple[Dimension, ...], ...] = (("depth", "resolution"), ("resolution",), ("width",))
CACHED_REACH = 4.0


def fit(
    baseline: Architecture,
    used: Used,
    name: str,
    coefficients: Coefficients = PAPER,
    rules: Rules = USUAL,
    *,
    keep_width: bool = False,
) -> Fit:
    """The member of the largest phi within `RANGE` of which `used` is at most 1.

    Where that leaves more than a tenth of the budget, single dimensions take steps of their
    own, further or back, by as little as fills it. Where one phi does not, depth stays and
    width and resolution go on together, then single dimensions, each at most 2 phi further.
    With `keep_width` (for weights that must stay on the chip) it is width that stays, and the
    others go up to 4 further. Dimensions with a coefficient of 1 stay as they are. Networks
    that cannot be built or costed do not fit.

    Where none fits the result is the one that comes nearest, of `used` above 1; where all fit,
    that of the largest phi. Raises `InputError` for a baseline that cannot be scaled, and for
    coefficients of which one step of phi does not about double the cost.
    """
    tried = Tried(baseline, used, name, coefficients, rules)
    found = in_proportion(tried)
    if found is None:
        return tried.smallest()
    if found.phis.width >= RANGE[1]:
        return found
    return found if found.used >= ENOUGH else _filled(tried, found, keep_width)


def in_proportion(tried: Tried) -> Fit | None:
    """The largest member of one phi that fits, None where none does; raises `InputError` as `fit` does."""
    tried.coefficients.require_doubling()
    tried.build(Phis(1, 1, 1))  # says why not, where nothing can grow
    return _largest(tried, Phis(0, 0, 0), ALL, RANGE[0], _above(tried))


def _filled(tried: Tried, start: Fit, keep_width: bool) -> Fit:
    """The member with the phis least apart that uses enough of the budget, else that which uses most of it."""
    kept = ("width",) if keep_width else ()
    growing = tuple(each for each in ALL if each not in kept and tried.coefficients.rate((each,)))
    found = fill(tried, start, growing, REACHES[0], ENOUGH)
    if found.used < ENOUGH:
        found = _gone_on(tried, start, found, keep_width)
    for reach in REACHES[1:]:
        if found.used < ENOUGH:
            found = max(found, fill(tried, start, growing, reach, ENOUGH), key=lambda fit: fit.used)
    return found


def _gone_on(tried: Tried, start: Fit, filled: Fit, keep_width: bool) -> Fit:
    """The member with some dimensions gone on beyond the others, or what is filled already where that uses more."""
    found = start
    for dimensions in CACHED_GOING_ON if keep_width else GOING_ON:
        if found.used >= ENOUGH or not tried.coefficients.rate(dimensions):
            continue
        own = max(getattr(found.phis, dimension) for dimension in dimensions)
        reach = min(RANGE[1], own + (CACHED_REACH if keep_width else REACH))
        further = _largest(tried, found.phis, dimensions, own + STEP, reach)
        found = further if further and further.used > found.used else found
    return max(found, filled, key=lambda fit: fit.used)


def _above(tried: Tried) -> float:
    """A phi whose member is clearly too large, or the largest of all."""
    phi = 0.0
    while phi < RANGE[1]:
        used = tried.at(Phis(phi, phi, phi)).used
        if used > 1.3:  # not just a jump that the next member falls back from
            return phi
        phi = min(RANGE[1], on_grid(phi + max(0.5, _distance(tried, 1 / max(used, 1e-9), ALL))))
    return phi


def _largest(tried: Tried, start: Phis, dimensions: tuple[Dimension, ...], low: float, high: float) -> Fit | None:
    """The first that fits on the way down from `high`, where these dimensions leave `start`."""
    phi, too_large = high, math.inf
    while (found := tried.at(start.moved(dimensions, phi))).used > 1:
        if phi <= low:
            return None
        too_much = found.used if math.isfinite(found.used) else 1.2
        too_large, phi = phi, max(low, on_grid(phi - max(STEP, _distance(tried, too_much, dimensions) / 2)))
    while too_large - phi > STEP and too_large < math.inf:  # what the last step has passed over
        between = on_grid((phi + too_large) / 2)
        further = tried.at(start.moved(dimensions, between))
        found, phi, too_large = (further, between, too_large) if further.used <= 1 else (found, phi, between)
    return found


def _distance(tried: Tried, times: float, dimensions: tuple[Dimension, ...]) -> float:
    """How much phi makes a network of `times` the MACs."""
    return math.log(times) / tried.coefficients.rate(dimensions)
