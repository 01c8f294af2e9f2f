"""What may vary: search spaces written as architectures with choices, and the zoo."""

from search_spaces.space import SearchSpace, load_space, space_names

__all__ = ["SearchSpace", "load_space", "space_names"]
