"""The layers of a run's int8 file beside float, as `layers.csv` lists them."""

from dataclasses import dataclass
from pathlib import Path

from experiments.tables import finite, read_table

PLACES = (Path("int8", "layers.csv"), Path("layers.csv"))  # of `nas quantization`, which is asked for; of the run
COLUMNS = ("place", "op", "name", "snr", "lost", "weights_snr", "helps")


@dataclass(frozen=True)
class Layer:
    """One layer; its signal over its error, and that of its weights alone, are in decibels, `lost` since its inputs."""

    place: int
    op: str
    name: str
    snr: float
    lost: float
    weights_snr: float | None
    helps: str

    @property
    def short(self) -> str:
        """What stands for the layer: its place in the file, and its op."""
        return f"{self.place}. {self.op}"

    @property
    def end(self) -> str:
        """The end of its name, which is where layers differ."""
        return self.name.split("/")[-1]


def read_layers(folder: Path) -> tuple[Layer, ...]:
    """The layers, worst first; none where no table was written.

    Raises `InputError` naming the line where the file is none of ours.
    """
    path = next((folder / place for place in PLACES if (folder / place).is_file()), None)
    if path is None:
        return ()
    table = read_table(path, COLUMNS, "what `nas quantization` writes")
    layers = [_layer(row, where) for where, row in table.rows]
    return tuple(sorted(layers, key=lambda layer: layer.snr))


def _layer(row: dict[str, str], where: str) -> Layer:
    place, snr, lost = (finite(row, column, where) for column in ("place", "snr", "lost"))
    weights = finite(row, "weights_snr", where) if row["weights_snr"] else None
    return Layer(int(place), row["op"], row["name"], snr, lost, weights, row["helps"])
