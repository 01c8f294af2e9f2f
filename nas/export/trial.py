"""Runs a .tflite file once, in a process of its own: `python trial.py FILE`.

The runtime trusts its files, and some that are damaged or made to do harm end the
process or never return. This script, which imports nothing of this package, is what
then ends instead of the command.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(path: str) -> None:
    """Loads the model and runs it on zeros; any exception is printed as one line."""
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    interpreter.invoke()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:
        sys.exit(" ".join(str(error).split()) or type(error).__name__)
