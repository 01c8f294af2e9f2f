"""`nas import`: a file from elsewhere becomes a folder that export, training and prediction go on from."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from experiments.commands.import_ import COMMAND
from experiments.export_command import export_model
from experiments.export_source import Moved
from experiments.import_command import import_network
from experiments.quantization_command import compare_methods
from nas.architecture import Architecture
from nas.errors import InputError
from nas.export.card import Card
from nas.export.metadata import described
from nas.export.quantization.method import Method
from nas.export.run import LiteModel
from nas.export.tflite import convert
from nas.network import initialise
from nas.train import logits
from nas.train.checkpoint import load_trained
from tests.experiments.conftest import nas

ARCHITECTURE = """
input 16x16x3
stem  conv k3 s2 c8 act=relu6
stage mbconv k3 s1 e2 c8 act=relu6
head  conv k1 c16 act=relu6
head  pool
head  dense c4
"""
NAMES = ["apple", "pear", "plum"]  # one fewer than there are outputs: the first is the background


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A folder with a file, what it is, its classes' names, and pictures, one of them broken."""
    folder = tmp_path_factory.mktemp("foreign")
    network = initialise(Architecture.parse(ARCHITECTURE), seed=3)
    network.eval()
    (folder / "model.tflite").write_bytes(convert(network, (1, 16, 16, 3), "float32"))
    (folder / "model.arch").write_text(ARCHITECTURE.replace("c4", "c1000"))
    (folder / "names.txt").write_text("\n".join(NAMES))
    (folder / "pictures" / "below").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(8):
        patches = generator.integers(0, 256, (4, 4, 3), np.uint8).repeat(6, 0).repeat(8, 1)
        Image.fromarray(patches).save(folder / "pictures" / "below" / f"{number}.png")
    (folder / "pictures" / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def imported(foreign):
    """The folder of the import, and what `--json` printed."""
    out = foreign / "imported"
    arguments = ["--images", foreign / "pictures", "--labels", foreign / "names.txt", "--json"]
    done = nas("import", foreign / "model.tflite", "--arch", foreign / "model.arch", "--out", out, *arguments)
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_says_what_was_found(imported, foreign):
    out, said = imported
    assert (said["images"], said["agreement"], said["classes"]) == (8, 1.0, 4)
    assert said["statistics"] == 8
    assert said["params"] == 940
    assert said["difference"] < 1e-4
    assert said["undecodable"] == [f"{foreign / 'pictures' / 'broken.jpg'} (no whole picture)"]
    assert (out / "labels.txt").read_text().split() == ["background", *NAMES]
    assert not list(out.parent.glob(".*part"))


def test_the_folder_computes_what_the_file_does(imported, foreign):
    kept = load_trained(imported[0] / "checkpoints")
    pixels = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), np.uint8)
    theirs = LiteModel(foreign / "model.tflite", trusted=True).predict(pixels)
    np.testing.assert_allclose(logits(kept.network, pixels), theirs, atol=1e-4)


def test_the_way_from_a_file_to_a_picture_s_label(imported, foreign):
    """Exported as int8, calibrated by the pictures that were imported with it, and shown a folder of pictures."""
    model, table = foreign / "exported" / "model.tflite", foreign / "exported" / "classes.csv"
    done = nas("export", imported[0], "--format", "int8", "--out", model, "--json")
    assert done.returncode == 0, done.stderr
    done = nas("predict", model, foreign / "pictures", "--out", table, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["pictures"], len(said["undecodable"])) == (8, 1)
    assert said["pictures_per_second"] > 0
    assert {guess["label"] for guess in said["predictions"][0]["classes"]} == {"background", *NAMES}
    lines = table.read_text().splitlines()
    assert lines[0] == "picture,place,index,class,probability"
    assert len(lines) == 1 + 8 * 4


def test_its_pictures_are_read_only_to_calibrate(foreign, tmp_path):
    shutil.copytree(foreign / "pictures", tmp_path / "pictures")
    folder, arch = tmp_path / "imported", str(foreign / "model.arch")
    import_network(str(foreign / "model.tflite"), folder, arch=arch, images=tmp_path / "pictures")
    shutil.rmtree(tmp_path / "pictures")
    assert export_model(str(folder), "float32", tmp_path / "model.tflite")["bytes"] > 1000
    with pytest.raises(
        InputError, match=r"import\.json: pictures: .* does not exist; expected --data with where the pict"
    ):
        export_model(str(folder), "int8", tmp_path / "int8.tflite")
    moved = Moved(str(foreign / "pictures"))
    assert export_model(str(folder), "int8", tmp_path / "int8.tflite", moved=moved)["calibration"]["pictures"] > 0
    with pytest.raises(InputError, match=r"--data-dir /d: .* has no such pictures"):
        export_model(str(folder), "int8", tmp_path / "int8.tflite", moved=Moved(data_dir="/d"))


def test_without_pictures_there_are_no_methods_to_compare(foreign, tmp_path):
    folder = tmp_path / "imported"
    import_network(str(foreign / "model.tflite"), folder, arch=str(foreign / "model.arch"))
    refused = pytest.raises(
        InputError, match=r"has no pictures to calibrate by; expected an import with --images, .*float32"
    )
    with refused:
        compare_methods(str(folder), [Method()], 10, tmp_path / "int8")
    with refused:
        export_model(str(folder), None, tmp_path / "model.tflite")
    assert not list(tmp_path.glob("*int8*")) + list(tmp_path.glob("*.tflite"))


@pytest.mark.parametrize("pictures", [None, "/pictures"])
def test_the_command_that_is_printed_suits_a_shell_and_the_import(capsys, pictures):
    about = {"pictures": pictures, "agreement": None, "statistics": None, "undecodable": [], "out": "r 3ü"}
    COMMAND.show({**about, "name": "a", "params": 1, "classes": 2, "difference": 0.0})
    form = " --format float32" if pictures is None else ""
    assert capsys.readouterr().out.endswith(f"folder        r 3ü; nas export 'r 3ü'{form} --out model.tflite\n")


def test_training_starts_from_it(imported, tmp_path):
    data = tmp_path / "data.npz"
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    np.savez(data, x_train=images, y_train=np.arange(40) % 4)
    done = nas(
        *("train", imported[0], "--data", data, "--init", imported[0], "--epochs", 1, "--batch-size", 8),
        *("--out", tmp_path / "trained", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert "arrays taken over" in done.stderr
    assert "fresh" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arch": None}, "model.tflite: does not say which network it is; expected --arch"),
        ({"arch": "mobilenet-v1"}, r"layer 1 of 28: found .* \(convolution \(3, 3, 3, 8\)"),
        ({"labels": "model.arch"}, r"model\.arch: has \d+ class names; the model has 4 outputs"),
        ({"reads": (0.0, 255.0)}, "architecture"),
        ({"images": "none"}, r"none: does not exist; expected a picture, or a folder of pictures"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(foreign, tmp_path, options, message):
    options = {name: foreign / value if name in ("labels", "images") else value for name, value in options.items()}
    arguments = {"arch": str(foreign / "model.arch"), **options}
    out = tmp_path / "out"
    if "reads" in options:  # another range is another preparation, not another network
        said = import_network(str(foreign / "model.tflite"), out, **arguments)
        assert "prepare normalise" in said["architecture"]
        assert said["statistics"] == 0
        return
    with pytest.raises(InputError, match=message) as caught:
        import_network(str(foreign / "model.tflite"), out, **arguments)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_other_functions_between_the_same_layers_are_refused(foreign, tmp_path):
    other = tmp_path / "other.arch"
    other.write_text(ARCHITECTURE.replace("head  pool\n", "head  pool\nhead  normalise mean=0.2 std=0.1\n"))
    with pytest.raises(InputError, match="has weights that fit 'other' but computes something else: outputs differ by"):
        import_network(str(foreign / "model.tflite"), tmp_path / "out", arch=str(other))


def test_a_folder_with_something_in_it_is_left_alone(foreign, imported):
    with pytest.raises(InputError, match="imported: exists already; expected a new folder, or an empty one"):
        import_network(str(foreign / "model.tflite"), imported[0], arch=str(foreign / "model.arch"))


def test_keras_weights_that_cannot_be_had_are_one_line(tmp_path):
    message = r"cannot load the weights '.*none\.weights\.h5' of MobileNet: .*; expected a connection"
    with pytest.raises(InputError, match=message) as caught:
        import_network("keras:MobileNet", tmp_path / "out", weights=str(tmp_path / "none.weights.h5"))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_metadata_say_of_the_input_is_taken_over(foreign, tmp_path):
    """A file from elsewhere that takes 0..1 and says so: without its metadata it would be given -1..1."""
    model = tmp_path / "model.tflite"
    told = Card(labels=("background", *NAMES), mean=(0.0,), std=(255.0,))
    model.write_bytes(described((foreign / "model.tflite").read_bytes(), told))
    said = import_network(str(model), tmp_path / "out", arch=str(foreign / "model.arch"))
    assert said["input_range"] == [0.0, 1.0]
    assert "prepare normalise mean=0.0 std=1.0" in said["architecture"]
    assert (tmp_path / "out" / "labels.txt").read_text().split() == ["background", *NAMES]


def test_names_in_the_file_come_before_those_of_another_beside_it(foreign, tmp_path):
    model, arch = tmp_path / "model.tflite", str(foreign / "model.arch")
    (tmp_path / "labels.txt").write_text("one\ntwo\nthree\nfour\n")
    model.write_bytes(described((foreign / "model.tflite").read_bytes(), Card(labels=("background", *NAMES))))
    import_network(str(model), tmp_path / "out", arch=arch)
    assert (tmp_path / "out" / "labels.txt").read_text().split() == ["background", *NAMES]


def test_names_beside_the_file_may_lack_the_background(foreign, tmp_path):
    shutil.copy(foreign / "model.tflite", tmp_path)
    (tmp_path / "labels.txt").write_text("\n".join(NAMES))
    import_network(str(tmp_path / "model.tflite"), tmp_path / "out", arch=str(foreign / "model.arch"))
    assert (tmp_path / "out" / "labels.txt").read_text().split() == ["background", *NAMES]
