"""The parts of an experiment, each with what may stand in it."""
