"""A search space: an architecture's text in which braces hold the alternatives.

    input {16x16x1,24x24x1}
    stem  conv k3 c{8,16} act=relu6
    stage {mbconv,fused_mbconv,conv} k{3,5} s2 e{2,4} c{16,24} se{0,0.25} x{1,2}
    head  pool
    head  dense c10

Each pair of braces is one choice, named after its place: "stage1.block", "stage1.kernel",
"stage1.repeats". Where the kind of block is itself a choice, options that the chosen
kind does not have are left out: a 3x3 convolution has no expansion ratio. Braces that
hold the name of an earlier choice repeat what was chosen there: a second
`stage conv k{stage1.kernel}` has the first one's kernel.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from nas.architecture import SHORT, Architecture, Value, parse_value
from nas.blocks import KINDS, canonical, takes
from nas.blocks.normalise import normalised
from nas.errors import InputError, shortened, unknown
from nas.network import steps
from search_spaces.zoo import zoo, zoo_names

_BRACES = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"(?:prepare|stem|stage|head)\d+\.[a-z_]+")  # of a choice


@dataclass(frozen=True)
class Token:
    """A word of a line; `choice` names its alternatives where it has any."""

    before: str
    values: tuple[str, ...]
    after: str
    choice: str

    def filled(self, chosen: Mapping[str, Value]) -> str:
        """The word with the chosen alternative in place of the braces."""
        if not self.choice:
            return self.before
        value = str(chosen[self.choice])
        if value not in self.values:
            raise InputError(f"{self.choice}: found '{shortened(value)}'; expected one of {', '.join(self.values)}")
        return f"{self.before}{value}{self.after}"

    @property
    def option(self) -> str:
        """The block option that the word sets ("" for the part, the block, and repeats)."""
        match = re.match(r"([a-z_]+)", self.before)
        short = match[1] if match else ""
        return "" if short == "x" else SHORT.get(short, short)


@dataclass(frozen=True)
class Line:
    """One line of the space, word by word."""

    number: int
    tokens: tuple[Token, ...]

    def filled(self, chosen: Mapping[str, Value]) -> str:
        """The architecture's line for these choices."""
        words = [self.tokens[0].filled(chosen), *(token.filled(chosen) for token in self.tokens[1:2])]
        optional = len(self.tokens) > 1 and self.tokens[1].choice and words[1] in KINDS
        for token in self.tokens[2:]:
            if optional and token.option and not takes(words[1], token.option):
                continue
            words.append(token.filled(chosen))
        return " ".join(words)


@dataclass(frozen=True)
class SearchSpace:
    """Which networks a search may propose; `build` turns choices into an architecture."""

    lines: tuple[Line, ...]
    origin: str = "space"
    normalise: tuple[tuple[float, ...], tuple[float, ...]] | None = None  # mean and deviation, for every network

    @classmethod
    def parse(cls, text: str, origin: str = "space") -> "SearchSpace":
        """Reads a space, and checks every alternative of every line once.

        Raises `InputError` naming the line and what is wrong with it.
        """
        space = cls(tuple(_lines(text, origin)), origin)
        space._check()
        return space

    @cached_property
    def choices(self) -> dict[str, tuple[Value, ...]]:
        """The alternatives of each choice, by the choice's name."""
        return {
            token.choice: tuple(map(parse_value, token.values))
            for line in self.lines
            for token in line.tokens
            if token.choice
        }

    @property
    def size(self) -> int:
        """How many combinations of choices there are; some are equal networks."""
        return math.prod(len(values) for values in self.choices.values())

    def build(self, chosen: Mapping[str, Value]) -> Architecture:
        """The architecture for one value per choice, in its canonical spelling.

        Raises `InputError` for a value that the space does not hold.
        """
        last = self.lines[-1].number if self.lines else 0
        text = {line.number: line.filled(chosen) for line in self.lines}
        whole = "\n".join(text.get(number, "") for number in range(1, last + 1))
        architecture = canonical(Architecture.parse(whole, self.origin), self.origin)
        return normalised(architecture, *self.normalise) if self.normalise else architecture

    def first(self) -> dict[str, Value]:
        """The first alternative of every choice."""
        return {name: values[0] for name, values in self.choices.items()}

    def alternatives(self) -> Iterator[Architecture]:
        """The first architecture, and for each further alternative of a choice the first that has it."""
        yield self.build(self.first())
        for name, values in self.choices.items():
            for value in values[1:]:
                yield self.build({**self.first(), name: value})

    def _check(self) -> None:
        base = self.build(self.first())
        steps(base, self.origin)
        for line in self.lines:
            self._check_line(line)

    def _check_line(self, line: Line) -> None:
        """Builds each alternative of the line once with each kind of block it may be."""
        kind = line.tokens[1] if len(line.tokens) > 1 and line.tokens[1].choice else None
        if kind is not None:
            self._check_taken(line, kind.values)
        others = [token for token in line.tokens if token.choice and token is not kind]
        for kinds in _alternatives(kind):
            for token in [None, *others]:
                for values in _alternatives(token):
                    self.build({**self.first(), **kinds, **values})

    def _check_taken(self, line: Line, kinds: tuple[str, ...]) -> None:
        """Refuses an option that none of the kinds takes: it would be left out silently."""
        for token in line.tokens[2:]:
            if token.option and not any(kind in KINDS and takes(kind, token.option) for kind in kinds):
                where = f"{self.origin} line {line.number}"
                raise InputError(
                    f"{where}: none of {', '.join(map(shortened, kinds))} takes the option {shortened(token.option)}"
                )


def _alternatives(token: Token | None) -> list[dict[str, Value]]:
    return [{}] if token is None else [{token.choice: parse_value(value)} for value in token.values]


def space_names() -> list[str]:
    """The spaces that come with the project."""
    folder = files("search_spaces") / "spaces"
    return sorted(entry.name.removesuffix(".arch") for entry in folder.iterdir() if entry.name.endswith(".arch"))


def load_space(name: str) -> SearchSpace:
    """A space that comes with the project, by name; or a network of the zoo, as a space of that one alone.

    Raises `InputError` for an unknown name.
    """
    if name in zoo_names():
        return SearchSpace.parse(zoo(name).text, f"network {name}")
    if name not in space_names():
        raise InputError(unknown("search space", name, (*space_names(), *zoo_names())))
    text = (files("search_spaces") / "spaces" / f"{name}.arch").read_text()
    return SearchSpace.parse(text, f"space {name}")


def _lines(text: str, origin: str) -> Iterator[Line]:
    count: dict[str, int] = {}
    earlier: dict[str, Token] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        words = raw.split("#")[0].split()
        if not words:
            continue
        part = words[0]
        count[part] = count.get(part, 0) + 1
        place = part if part == "input" else f"{part}{count[part]}"
        where = f"{origin} line {number}"
        tokens = tuple(_repeated(_token(word, i, place, where), earlier, where) for i, word in enumerate(words))
        earlier |= {token.choice: token for token in tokens if token.choice}
        yield Line(number, tokens)


def _repeated(token: Token, earlier: Mapping[str, Token], where: str) -> Token:
    """The token with the earlier choice that its braces name, if they do, in place of one of its own."""
    if len(token.values) != 1 or not _NAME.fullmatch(token.values[0]):
        return token
    if token.values[0] not in earlier:
        raise InputError(f"{where}: {unknown('earlier choice', token.values[0], earlier)}")
    named = earlier[token.values[0]]
    return Token(token.before, named.values, token.after, named.choice)


def _token(word: str, index: int, place: str, where: str) -> Token:
    found = _BRACES.findall(word)
    if not found and not set(word) & set("{}"):
        return Token(word, (), "", "")
    if len(found) != 1 or set(_BRACES.sub("", word)) & set("{}"):
        raise InputError(f"{where}: cannot read '{shortened(word)}'; expected one pair of braces, as in k{{3,5}}")
    values = tuple(value.strip() for value in found[0].split(","))
    if not all(values) or len(set(values)) != len(values):
        raise InputError(f"{where}: '{shortened(word)}' has an empty or repeated alternative; expected as in k{{3,5}}")
    before, after = word.split("{")[0], word.split("}")[1]
    short = before.rstrip("=")
    name = "block" if index == 1 and not short else "repeats" if short == "x" else SHORT.get(short, short)
    choice = place if place == "input" else f"{place}.{name}"
    return Token(before, tuple(str(parse_value(value)) for value in values), after, choice)
