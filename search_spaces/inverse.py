"""Where in a space an architecture lies: the inverse of `SearchSpace.build`."""

from collections.abc import Iterator
from functools import lru_cache

from nas.architecture import Architecture, Layer, Value, parse_value
from nas.blocks import canonical, resolve, takes
from nas.blocks.normalise import preparation
from nas.errors import InputError
from search_spaces.space import Line, SearchSpace, Token


def choices_of(space: SearchSpace, architecture: Architecture) -> dict[str, Value]:
    """A value for every choice, of which `space.build` makes the architecture.

    Choices that make no difference to it have their first value. What prepares the input is no
    part of the comparison, except where lines of the space say it. Raises `InputError` that
    begins with the first place where the architecture is none of the space.
    """
    wanted = _compared(space, canonical(architecture))
    lines = space.lines[1:]
    if len(wanted.layers) != len(lines):
        raise InputError(f"architecture: found {len(wanted.layers)} lines after the input; expected {len(lines)}")
    chosen: dict[str, Value] = {}
    _agree(chosen, "input", "input", _inputs(space.lines[0], wanted))
    for place, line, layer in _places(space, wanted):
        for name, values in _allowed(place, line, layer):
            _agree(chosen, place, name, values)
    whole = {**space.first(), **chosen}
    _require_equal(_compared(space, space.build(whole)), wanted)
    return whole


def _compared(space: SearchSpace, architecture: Architecture) -> Architecture:
    """The architecture without what prepares its input, unless the space has lines for that."""
    if any(line.tokens[0].before == "prepare" for line in space.lines):
        return architecture
    layers = tuple(layer for layer in architecture.layers if layer not in preparation(architecture))
    return Architecture(architecture.resolution, architecture.channels, layers)


def _places(space: SearchSpace, architecture: Architecture) -> Iterator[tuple[str, Line, Layer]]:
    """The lines of both, side by side, with what choices there are called after."""
    count: dict[str, int] = {}
    for line, layer in zip(space.lines[1:], architecture.layers, strict=True):
        part = line.tokens[0].before
        count[part] = count.get(part, 0) + 1
        yield f"{part}{count[part]}", line, layer


def _inputs(line: Line, architecture: Architecture) -> tuple[Value, ...]:
    size = f"{architecture.resolution}x{architecture.resolution}x{architecture.channels}"
    token = line.tokens[1]
    known = token.values if token.choice else (token.before,)
    if size not in known:
        raise InputError(f"input: found {size}; expected {_either(known)}")
    return (size,) if token.choice else ()


def _allowed(place: str, line: Line, layer: Layer) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """For each choice of the line, those of its values that make the layer."""
    if layer.part != line.tokens[0].before:
        raise InputError(f"{place}: found {layer.part} {layer.block}; expected a line of {line.tokens[0].before}")
    kind = line.tokens[1]
    known = kind.values if kind.choice else (kind.before,)
    if layer.block not in known:
        raise InputError(f"{place}: found {layer.block}; expected {_either(known)}")
    yield kind.choice, (layer.block,)
    for token in line.tokens[2:]:
        if token.choice and (not token.option or takes(layer.block, token.option)):
            yield token.choice, _matching(place, token, layer)


def _matching(place: str, token: Token, layer: Layer) -> tuple[Value, ...]:
    options = resolve(layer).options
    if options.idle(token.option):
        return tuple(map(parse_value, token.values))
    found = getattr(options, token.option) if token.option else layer.repeats
    matching = tuple(parse_value(v) for v in token.values if _meant(f"{token.before}{v}{token.after}") == found)
    if not matching:
        said = token.option or "repeats"
        raise InputError(f"{place}: found {said} {found}; expected {_either(token.values)}")
    return matching


@lru_cache(maxsize=4096)
def _meant(word: str) -> Value:
    """The value that a word such as k3 or x2 gives its option."""
    layer = Architecture.parse(f"input 1x1x1\nstage any {word}").layers[0]
    return layer.options[0][1] if layer.options else layer.repeats


def _agree(chosen: dict[str, Value], place: str, name: str, values: tuple[Value, ...]) -> None:
    """Keeps the first of the values, which a choice made before must be among."""
    if name and values and chosen.setdefault(name, values[0]) not in values:
        raise InputError(f"{place}: found {values[0]}; expected {chosen[name]}, as chosen for {name}")


def _require_equal(built: Architecture, wanted: Architecture) -> None:
    """Says the first option in which they differ: one that the space leaves no choice of."""
    count: dict[str, int] = {}
    for own, layer in zip(built.layers, wanted.layers, strict=True):
        count[own.part] = count.get(own.part, 0) + 1
        if own == layer:
            continue
        place = f"{own.part}{count[own.part]}"
        if own.repeats != layer.repeats:
            raise InputError(f"{place}: found repeats {layer.repeats}; expected {own.repeats}")
        ours, theirs = resolve(own).options, resolve(layer).options
        name = next(n for n in vars(ours) if getattr(ours, n) != getattr(theirs, n))
        raise InputError(f"{place}: found {name} {getattr(theirs, name)}; expected {getattr(ours, name)}")


def _either(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
