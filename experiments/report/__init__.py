"""What happened in a run, as one HTML page: `write_report(folder)`."""

from experiments.report.page import write_report

__all__ = ["write_report"]
