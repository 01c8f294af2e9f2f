"""`python -m experiments` is `nas`, for where the script is not on the path."""

from experiments.cli import main

main()
