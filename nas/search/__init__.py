"""Optuna explores a space: cheap facts first, training only for what meets the limits."""
