"""Plain operations to a Core ML package, by the builder of coremltools' intermediate language (MIL).

coremltools reads no JAX; its builder takes operation by operation. The program is of
iOS 15 and macOS 12 and computes in half precision, the only one of Apple's Neural Engine.
"""

import io
import json
import logging
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from nas.export.card import Card
from nas.export.extras import load_extra
from nas.export.plain import Node, Plain
from nas.export.prepend import INPUT, OUTPUT
from nas.export.quiet import quiet

_ELEMENTWISE = {"add": "add", "sub": "sub", "mul": "mul", "div": "real_div", "max": "maximum", "min": "minimum"}
_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "sigmoid": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "swish": ("silu", {}),
    "hard-sigmoid": ("sigmoid_hard", {"alpha": np.float32(1 / 6), "beta": np.float32(0.5)}),
    "leaky-relu": ("leaky_relu", {"alpha": np.float32(0.1)}),
    "elu": ("elu", {"alpha": np.float32(1)}),
    "gelu": ("gelu", {"mode": "EXACT"}),
}


def write_coreml(network: Plain, card: Card, folder: Path) -> None:
    """Writes the package, a folder: a picture (1, H, W, C) in -1..1 to logits (1, classes).

    Equal arguments give equal bytes. Raises `InputError` where coremltools is not installed.
    """
    # Its progress bars are Python's, which `quiet` lets through.
    with quiet(), redirect_stderr(io.StringIO()):
        tools = load_coremltools()
        model = tools.convert(
            _program(network),
            source="milinternal",
            convert_to="mlprogram",
            minimum_deployment_target=tools.target.iOS15,
            compute_precision=tools.precision.FLOAT16,
            skip_model_load=True,
        )
        _describe(model, card)
        model.save(str(folder))
    _settle_manifest(folder / "Manifest.json")


def load_coremltools() -> Any:
    """The package coremltools; raises `InputError` where it is not installed."""
    logging.getLogger("coremltools").setLevel(logging.CRITICAL)  # it says at length what is missing but on a Mac
    return load_extra("coremltools", "coreml")


def _program(network: Plain) -> Any:
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

    _, channels, height, width = network.in_shape
    specification = mb.TensorSpec(shape=(1, height, width, channels), dtype=types.fp32)

    def run(image: Any) -> Any:
        tensors = {0: mb.transpose(x=image, perm=(0, 3, 1, 2), name="t0")}
        for node in network.nodes:
            inputs = [tensors[value] if isinstance(value, int) else value for value in node.inputs]
            tensors[node.output] = _operation(mb, node, inputs, f"t{node.output}")
        return mb.identity(x=tensors[network.output], name=OUTPUT)

    return mb.program(input_specs=[specification])(run)


def _operation(mb: Any, node: Node, inputs: list[Any], name: str) -> Any:
    x, facts = inputs[0], node.facts
    if node.op in _ACTIVATIONS:
        kind, parameters = _ACTIVATIONS[node.op]
        return getattr(mb, kind)(x=x, **parameters, name=name)
    if node.op in _ELEMENTWISE:
        return getattr(mb, _ELEMENTWISE[node.op])(x=x, y=inputs[1], name=name)
    if node.op == "hard-swish":
        gate = mb.sigmoid_hard(x=x, alpha=np.float32(1 / 6), beta=np.float32(0.5), name=f"{name}_gate")
        return mb.mul(x=x, y=gate, name=name)
    if node.op in ("conv", "average_pool", "max_pool"):
        return _windowed(mb, node, inputs, name)
    simple: dict[str, Callable[[], Any]] = {
        "dense": lambda: mb.matmul(x=x, y=inputs[1], name=name),
        "concat": lambda: mb.concat(values=inputs, axis=facts["axis"], name=name),
        "transpose": lambda: mb.transpose(x=x, perm=facts["axes"], name=name),
        "reshape": lambda: mb.reshape(x=x, shape=node.shape, name=name),
        "slice": lambda: mb.slice_by_index(
            x=x, begin=facts["begin"], end=facts["end"], stride=facts["strides"], name=name
        ),
        "pad": lambda: mb.pad(
            x=x, pad=np.ravel(facts["padding"]), mode="constant", constant_val=np.float32(facts["value"]), name=name
        ),
    }
    return simple[node.op]()


def _windowed(mb: Any, node: Node, inputs: list[Any], name: str) -> Any:
    facts = node.facts
    padding = {"pad_type": "custom", "pad": np.ravel(facts["padding"]).astype(np.int32)}
    if node.op == "conv":
        bias = {"bias": inputs[2]} if len(inputs) > 2 else {}
        kernel = {"strides": facts["strides"], "dilations": facts["dilation"], "groups": facts["groups"]}
        return mb.conv(x=inputs[0], weight=inputs[1], **bias, **kernel, **padding, name=name)
    window = {"kernel_sizes": facts["window"], "strides": facts["strides"]}
    if node.op == "max_pool":
        return mb.max_pool(x=inputs[0], **window, **padding, name=name)
    return mb.avg_pool(x=inputs[0], **window, **padding, exclude_padding_from_average=False, name=name)


def _describe(model: Any, card: Card) -> None:
    model.short_description, model.author, model.license = card.description, card.author, card.license
    model.input_description[INPUT] = "a picture, pixels / 127.5 - 1"
    model.output_description[OUTPUT] = "one number for each class, before softmax"
    said = model.user_defined_metadata
    for key in [key for key in said if "date" in key]:
        del said[key]
    if card.labels:
        said["labels"] = "\n".join(card.labels)


def _settle_manifest(file: Path) -> None:
    """Numbers the package's parts by what they are: coremltools draws their numbers."""
    manifest = json.loads(file.read_text())
    entries = manifest["itemInfoEntries"]
    settled = {number: str(uuid5(NAMESPACE_OID, entry["path"])).upper() for number, entry in entries.items()}
    manifest["itemInfoEntries"] = {settled[number]: entry for number, entry in entries.items()}
    manifest["rootModelIdentifier"] = settled[manifest["rootModelIdentifier"]]
    file.write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n")
