"""Experiments: their settings, the runner, the command line and the report."""
