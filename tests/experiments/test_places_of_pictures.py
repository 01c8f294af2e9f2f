"""Where the pictures of an experiment lie: a path from anywhere, which decides nothing, and may have moved."""

import os

import pytest

from experiments.schema import load_experiment
from experiments.sections.data import Data
from nas.errors import InputError

LEAST = "name: a\nspace: |\n  input 8x8x1\n  head pool\n  head dense c10\n"


def loaded(folder, *overrides, more=""):
    (folder / "e.yaml").write_text(LEAST + more)
    return load_experiment(folder / "e.yaml", overrides)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("pics/", "pics"),
        ("./pics", "pics"),
        ("./more/../pics", "pics"),
        ("x.npz", "x.npz"),
        ("..", ".."),
        ("/a/b", "/a/b"),
    ],
)
def test_paths_of_pictures_are_ones_from_anywhere(tmp_path, monkeypatch, typed, kept):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    expected = str(tmp_path.parent if kept == ".." else tmp_path / kept)
    in_the_file = loaded(tmp_path, more=f"data: {{dataset: {typed}, data_dir: {typed}}}\n")
    for experiment in (in_the_file, loaded(tmp_path, f"data.dataset={typed}", f"data.data_dir={typed}")):
        assert (experiment.data.dataset, str(experiment.data.data_dir)) == (expected, expected)


def test_names_of_data_sets_stay(tmp_path):
    assert loaded(tmp_path, "data.dataset=mnist:3.0.1").data.dataset == "mnist:3.0.1"


def test_a_working_folder_whose_name_is_no_text_is_refused(tmp_path, monkeypatch):
    (folder := tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="pics'; expected a path in UTF-8"):
        loaded(tmp_path, "data.dataset=pics/")


def test_digest_stays_where_the_pictures_move(tmp_path):
    here, there, others = (loaded(tmp_path, f"data.dataset={at}") for at in ("./a", "/b/a", "/b/c"))
    assert here.digest == there.digest != others.digest
    studies_of_before = here._digest("./a")
    assert here.former_digest == studies_of_before != here.digest


def test_pictures_have_moved_where_they_are_gone_and_others_have_their_name(tmp_path):
    for folder in ("here/pics", "there/pics", "there/others"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "here")
    gone, here, link, there, others = (
        Data(dataset=f"{tmp_path}/{at}") for at in ("gone/pics", "here/pics", "link/pics", "there/pics", "there/others")
    )
    assert gone.moved(there) == there
    assert here.moved(link) == link
    assert here.moved(there) == here  # two data sets
    assert gone.moved(others) == gone.moved(Data()) == gone
