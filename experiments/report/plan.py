"""What a run set out to do, from its `experiment.yaml`: all there is to say before it has ended."""

from typing import Any

from pydantic import Field

from experiments.limits import by_device
from experiments.report.metrics import Data, Metrics, Part, Setup


class PlannedData(Part):
    """The `data` section, as far as a report shows it."""

    dataset: str = ""


class PlannedSearch(Part):
    """The `search` section, as far as a report shows it; `limits` maps devices to milliseconds."""

    sampler: str = ""
    limits: dict[str, float] = Field(default_factory=dict)
    objectives: tuple[Any, ...] = ()

    @property
    def setup(self) -> Setup:
        """The same, with the first of the limits: the one that the trials' latencies are for."""
        device, limit = next(iter(by_device(self.limits).items()), ("", None))
        return Setup(sampler=self.sampler, device=device, limit_ms=limit)


class Plan(Part):
    """The file, as far as a report shows it."""

    name: str | None = None
    seed: int | None = None
    data: PlannedData = PlannedData()
    search: PlannedSearch = PlannedSearch()


def fill_in(metrics: Metrics, plan: Plan) -> Metrics:
    """The metrics, with what the plan says wherever they say nothing."""
    planned = {
        "experiment": plan.name,
        "seed": plan.seed,
        "data": Data(dataset=plan.data.dataset) if plan.data.dataset else None,
    }
    return metrics.model_copy(update={key: value for key, value in planned.items() if getattr(metrics, key) is None})
