"""Optuna explores a space: cheap facts first, training only for what meets the limits."""

from nas.search.facts import Facts, Limits, facts
from nas.search.feasible import require_feasible
from nas.search.pareto import pareto_front
from nas.search.record import Record, best, read_records, write_trials
from nas.search.samplers import make_sampler, sampler_names
from nas.search.search import Budget, Search, TrialFailed

__all__ = [
    "Budget",
    "Facts",
    "Limits",
    "Record",
    "Search",
    "TrialFailed",
    "best",
    "facts",
    "make_sampler",
    "pareto_front",
    "read_records",
    "require_feasible",
    "sampler_names",
    "write_trials",
]
