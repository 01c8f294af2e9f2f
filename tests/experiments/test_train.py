"""`nas train`: three classes of pictures, from a folder to a prediction; and what cannot be trained, in one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from experiments.cli import run
from experiments.commands.train import COMMAND
from experiments.export_source import Moved, find_source
from experiments.training import TrainingFolder, load_training
from nas.errors import InputError
from tests.experiments.conftest import nas

NETWORK = """
input 24x24x3
stem  conv k3 s2 c8 act=relu6
stage conv k3 s2 c16 act=relu6
head  pool
head  dense c10
"""
COLOURS = {"circle": (230, 60, 60), "cross": (60, 230, 60), "square": (60, 60, 230)}
QUICK = ("--epochs", "2", "--batch-size", "16")


def draw(shape, generator):
    """A shape of about its class's colour, somewhere on a dark picture."""
    image = Image.new("RGB", (30, 24), tuple(generator.integers(0, 60, 3).tolist()))
    pen = ImageDraw.Draw(image)
    x, y = generator.integers(4, 9, 2).tolist()
    colour = tuple(np.clip(np.array(COLOURS[shape]) + generator.integers(-25, 25, 3), 0, 255).tolist())
    box = (x, y, x + 13, y + 13)
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    else:
        pen.line(box, fill=colour, width=4)
        pen.line((x, y + 13, x + 13, y), fill=colour, width=4)
    return image


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures of three shapes, a network's file, and a training of it on digits."""
    folder = tmp_path_factory.mktemp("train")
    generator = np.random.default_rng(0)
    for shape in COLOURS:
        (folder / "shapes" / shape).mkdir(parents=True)
        for number in range(40):
            draw(shape, generator).save(folder / "shapes" / shape / f"{number}.{('png', 'jpg')[number % 2]}")
    draw("square", generator).save(folder / "new.png")
    (folder / "small.arch").write_text(NETWORK)
    digits = ("--data", "digits", "--set", "data.channels=3", "--set", "data.limit=320", "--learning-rate", "0.01")
    assert run(["train", str(folder / "small.arch"), *digits, *QUICK, "--out", str(folder / "digits")]) == 0
    return folder


@pytest.fixture(scope="module")
def tuned(place):
    """The network of the digits, trained further on the shapes; what `--json` printed."""
    done = nas(*tuning(place), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def tuning(place, out="tuned"):
    options = ("--epochs", "16", "--batch-size", "16", "--learning-rate", "0.03", "--set", "recipe.augment=[]")
    start = ("--init", place / "digits", "--freeze", "backbone")
    return "train", place / "small.arch", "--data", place / "shapes", *options, *start, "--out", place / out


def test_a_folder_of_pictures_is_learned_from_another_checkpoint(place, tuned):
    result, said = tuned
    assert "its 10 outputs made 3, one for each class" in said
    assert "fresh: head2.block1.conv.bias; head2.block1.conv.kernel" in said
    assert "3 of 4 blocks frozen for 4 epochs, then 12 epochs of all" in said
    assert result["test"]["top1"] > 0.9
    assert result["images_per_second"] > 0
    assert 0 <= result["data_share"] < 1
    folder = place / "tuned"
    assert (folder / "labels.txt").read_text() == "circle\ncross\nsquare\n"
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 16
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["top1"] == result["test"]["top1"]
    assert np.sum(evaluation["confusion"]) == evaluation["pictures"] == 24
    assert [each["name"] for each in evaluation["classes"]] == list(COLOURS)


@pytest.mark.usefixtures("tuned")
def test_it_is_exported_and_predicts(place):
    done = nas("export", place / "tuned", "--out", place / "device" / "model.tflite", "--json")
    assert done.returncode == 0, done.stderr
    assert (place / "device" / "labels.txt").read_text() == "circle\ncross\nsquare\n"
    done = nas("predict", place / "device" / "model.tflite", place / "new.png", "--top", "1", "--json")
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert prediction["classes"][0]["label"] == "square"


def test_the_same_command_finds_it_done(place, tuned, capsys):
    assert run([str(word) for word in (*tuning(place), "--json")]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == tuned[0]


@pytest.mark.usefixtures("tuned")
def test_its_folder_is_an_architecture(place, capsys):
    assert run(["scale", str(place / "tuned"), "--to", "b0,b1", "--json"]) == 0
    (b0, _) = json.loads(capsys.readouterr().out)["members"]
    assert b0["architecture"].endswith("head  dense c3\n")


def test_normalisation_is_a_part_of_the_network(place, capsys):
    words = ("--data", place / "shapes", "--set", "data.normalise=imagenet", "--set", "data.memory=1.0e-9", *QUICK)
    out = place / "normalised"
    assert run([str(word) for word in ("train", place / "small.arch", *words, "--out", out, "--json")]) == 0
    assert "prepare normalise mean=0.485,0.456,0.406 std=0.229,0.224,0.225" in (out / "architecture.yaml").read_text()
    capsys.readouterr()
    (place / "grey.arch").write_text(NETWORK.replace("24x24x3", "24x24x1"))
    line = complaint(capsys, "train", place / "grey.arch", "--init", out, "--out", place / "x")
    assert (
        f"--init {out}: found 3 numbers to normalise pictures of 1 channel by; expected 1, or data.channels=3" in line
    )


def complaint(capsys, *words):
    """The one line that a command ends with."""
    assert run([str(word) for word in words]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nas ")]
    return line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--epochs", "0"), "--epochs 0: recipe.epochs: found 0; expected 1 to 100000"),
        (("--set", "recipe.epoch=3"), "recipe.epoch: unknown key 'epoch'; did you mean 'epochs'?"),
        (("--batch-size", "1000"), "recipe.batch_size: found 1000; expected at most 78, the pictures to train on"),
        (("--devices", "2", "--batch-size", "15"), "batch_size: found 15; expected a multiple of 2, the devices that"),
        (("--devices", "3"), "devices: found 3; expected 1 to 2, the devices there are"),
        (("--resolution", "2"), "--resolution: found 2; expected at least 4, by which the strides of small divide"),
        (("--freeze", "backbone"), "--freeze: found no --init; expected trained weights to freeze"),
        (("--grow",), "--grow: found no --init; expected the weights of a smaller network"),
        (("--init", "nothing"), "nothing: does not exist; expected a checkpoint"),
        (("--init", "keras"), "keras: unknown network with weights of Keras 'small'"),
        (("--data", "./nowhere"), "nowhere: cannot be read (no such file or directory)"),
        (("--set", "data.splits={test: other}"), "data.splits: are for tensorflow-datasets"),
        (("--set", "data.normalise=cifar"), "data.normalise: unknown normalisation 'cifar'. Known: imagenet"),
        (
            ("--set", "data.normalise={mean: [0.5, 0.5], std: [1, 1]}"),
            "data.normalise: found 2 numbers to normalise pictures of 3 channels by; expected 1, or 3 for",
        ),
        (
            ("--set", "data.normalise=imagenet", "--set", "data.channels=1"),
            "data.normalise: found 3 numbers to normalise pictures of 1 channel by; expected 1, or data.channels=3",
        ),
        (("--distill-weight", "0.5"), "--distill-weight 0.5: found no --teacher; expected a network to learn from"),
        (("--temperature", "2"), "--temperature 2.0: found no --teacher; expected a network to learn from"),
        (
            ("--set", "teacher.weight=0.5"),
            "nas train: --set teacher.weight=0.5: teacher.network: is missing; expected the",
        ),
        (("--freeze-epochs", "1"), "--freeze-epochs: found no --freeze; expected a part to freeze, such as backbone"),
        (("--freeze", "backbone", "--freeze-epochs", "3"), "--freeze-epochs: found 3; expected at most 2, all epochs"),
    ],
)
def test_what_cannot_be_trained_is_one_line(place, capsys, words, said):
    out = place / "refused"
    line = complaint(capsys, "train", place / "small.arch", "--data", place / "shapes", *QUICK, *words, "--out", out)
    assert said in line
    assert not out.exists()


def test_pictures_that_are_none_are_counted(place, capsys, tmp_path):
    shutil.copytree(place / "shapes", tmp_path / "shapes")
    for number in range(3):
        (tmp_path / "shapes" / "circle" / f"{number}.png").write_bytes(b"no picture")
    words = ("train", place / "small.arch", "--data", tmp_path / "shapes", *QUICK)
    assert "expected at most 0.01 of them" in complaint(capsys, *words, "--out", tmp_path / "refused")
    assert (
        run([str(word) for word in (*words, "--set", "data.unreadable=0.1", "--out", tmp_path / "out", "--json")]) == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert result["undecodable"].startswith("3 of 121 pictures cannot be decoded")


def test_pictures_of_more_channels_than_colours_need_a_network_for_them(place, capsys, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (30, 24, 24, 5), np.uint8)
    np.savez(tmp_path / "five.npz", images=pictures, labels=np.arange(30) % 3)
    line = complaint(capsys, "train", place / "small.arch", "--data", tmp_path / "five.npz", "--out", tmp_path / "x")
    assert "data: found pictures of 5 channels, which cannot be made 3; expected pictures of 1 or 3, or an arch" in line


def test_weights_of_another_architecture_are_told_by_their_parameters(place, capsys):
    wider = place / "wider.arch"
    wider.write_text(NETWORK.replace("c8", "c12").replace("c16", "c20"))
    line = complaint(
        capsys, "train", wider, "--data", place / "shapes", *QUICK, "--init", place / "digits", "--out", place / "x"
    )
    assert "digits: is of another architecture (12 parameters differ: head2.block1.conv.bias 10 there, 3 here;" in line


def test_weights_for_pictures_of_other_channels_do_not_grow(place, capsys):
    words = ("train", place / "small.arch", "--data", place / "shapes", "--set", "data.channels=1", *QUICK)
    line = complaint(capsys, *words, "--init", place / "digits", "--grow", "--out", place / "x")
    assert "--grow: found weights for pictures with 3 channels; expected 1, as this network reads" in line


@pytest.mark.usefixtures("tuned")
def test_a_folder_of_another_training_is_refused(place, capsys):
    assert "tuned: belongs to a different training ('small', seed was 0, now 9)" in complaint(
        capsys, *tuning(place), "--seed", "9"
    )
    assert Path(place / "tuned" / "architecture.yaml").exists()


def test_the_command_that_is_printed_suits_a_shell(capsys):
    test = {"top1": 0.5, "top5": None, "pictures": 2, "calibration_error": 0.1}
    classes = [{"name": "a", "accuracy": 0.5}]
    result = {"test": test, "best_epoch": 1, "classes": classes, "images_per_second": 1.0, "data_share": 0.0}
    COMMAND.show({**result, "undecodable": "", "out": "r 3ü"})
    assert capsys.readouterr().out.endswith("r 3ü; nas export 'r 3ü' --out model.tflite\n")


@pytest.mark.parametrize(
    ("content", "said"), [("", "training.yaml: found nothing"), ("[1]\n", "training.yaml line 1: found [1]")]
)
def test_a_damaged_file_of_settings_is_named(tmp_path, content, said):
    (tmp_path / "training.yaml").write_text(content)
    with pytest.raises(InputError) as raised:
        load_training(tmp_path / "training.yaml")
    assert str(raised.value) == f"{tmp_path}/{said}; expected a section with keys such as name, architecture, seed"


@pytest.fixture
def elsewhere(place, tuned, tmp_path):  # noqa: ARG001
    """A copy of the training whose settings say pictures that are gone, and where they were."""
    shutil.copytree(place / "tuned", tmp_path / "tuned")
    kept, gone = tmp_path / "tuned" / "training.yaml", tmp_path / "gone" / "shapes"
    text = kept.read_text()
    assert str(place / "shapes") in text
    kept.write_text(text.replace(str(place / "shapes"), str(gone)))
    return tmp_path / "tuned", gone


@pytest.mark.parametrize("command", ["export", "quantization", "qat"])
def test_pictures_that_are_gone_are_named_with_the_file_that_says_them(elsewhere, tmp_path, capsys, command):
    folder, gone = elsewhere
    line = complaint(capsys, command, folder, "--out", tmp_path / "out.tflite")
    said = f"data.dataset: {gone} does not exist; expected --data with where the pictures are now"
    assert line == f"nas {command}: {folder}/training.yaml: {said}"


def test_pictures_that_have_moved_are_given_anew(place, elsewhere, capsys):
    folder, _ = elsewhere
    source = find_source(str(folder), moved=Moved(str(place / "shapes")))
    assert source.dataset.classes == ("circle", "cross", "square")
    line = complaint(capsys, "export", place / "small.arch", "--data", "x/", "--out", "m.tflite")
    assert f"--data x/: {place}/small.arch has no such pictures; expected the folder of a run or a training" in line
    assert "--data ~nobody-is-called-so/: dataset: found '~nobody" in complaint(
        capsys, "quantization", folder, "--data", "~nobody-is-called-so/"
    )


def test_pictures_of_other_classes_are_not_those_that_have_moved(place, elsewhere, tmp_path):
    folder, _ = elsewhere
    shutil.copytree(place / "shapes", others := tmp_path / "others" / "shapes")
    (others / "cross").rename(others / "star")
    with pytest.raises(InputError, match=f"--data {others}: {folder} has 'cross' for class 1; expected 'square'"):
        find_source(str(folder), moved=Moved(str(others)))
    shutil.rmtree(others / "star")
    with pytest.raises(InputError, match=f"--data {others}: {folder} tells 3 classes apart; expected the 2 of shapes"):
        find_source(str(folder), moved=Moved(str(others)))


def test_a_training_goes_on_where_its_pictures_have_moved(place, elsewhere):
    folder, gone = elsewhere
    now = load_training(place / "tuned" / "training.yaml")
    with TrainingFolder.claim(folder, now) as held:
        held.follow(now)
    assert load_training(folder / "training.yaml") == now
    gone.mkdir(parents=True)
    copies = now.model_copy(update={"data": now.data.model_copy(update={"dataset": str(gone)})})
    with pytest.raises(InputError, match=f"data.dataset was {place}/shapes, now {gone}"):  # there are two of them
        TrainingFolder.claim(folder, copies)


def test_a_training_of_before_has_pictures_relative_to_where_one_is(place, elsewhere, monkeypatch):
    folder, gone = elsewhere
    kept = folder / "training.yaml"
    kept.write_text(kept.read_text().replace(str(gone), "shapes/"))
    monkeypatch.chdir(place)
    assert load_training(kept).data.dataset == str(place / "shapes")
