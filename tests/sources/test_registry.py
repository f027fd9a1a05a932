"""The registry: one typed list of all downloads; mistakes are told by name."""

import importlib.util
import pathlib
import subprocess
import sys

import pytest

from odelt import OdeltError
from odelt.config.registry import load_registry

CONFIG = pathlib.Path(__file__).parents[2] / "config"


def written(tmp_path, text: str) -> pathlib.Path:
    path = tmp_path / "sources.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_registry_names_everything_that_the_paper_downloads():
    registry = load_registry(CONFIG / "sources.yaml")
    starts = {"sm-celebahq-b", "sm-imagenet-b", "sm-imagenet-xl"}
    released = {"odelt-celebahq-b", "odelt-imagenet-b", "odelt-imagenet-xl"}
    statistics = {"fid-celebahq-ours", "fid-imagenet-ours", "fid-celebahq-jax", "fid-imagenet-jax"}
    assert set(registry.names) == starts | released | statistics | {
        "vae",
        "celebahq",
        "inception-fid",
        "inception-clean",
    }
    assert all(registry[name].licence for name in registry.names)


def test_files_keep_their_own_names_and_directories_have_none():
    registry = load_registry(CONFIG / "sources.yaml")
    assert registry["sm-celebahq-b"].file == "celeba-shortcut2-every4400001"
    assert registry["inception-fid"].file == "pt_inception-2015-12-05-6726825d.pth"
    assert registry["vae"].file is None
    assert registry["celebahq"].address == "https://huggingface.co/datasets/mattymchen/celeba-hq"


def test_the_addresses_of_inception_are_those_that_clean_fid_names():
    found = importlib.util.find_spec("cleanfid")
    if found is None:
        pytest.skip("clean-fid is not in this environment")
    folder = pathlib.Path(found.origin).parent  # read, not imported: that would import torch
    registry = load_registry(CONFIG / "sources.yaml")
    assert registry["inception-fid"].url in (folder / "inception_pytorch.py").read_text(encoding="utf-8")
    assert registry["inception-clean"].url in (folder / "downloads_helper.py").read_text(encoding="utf-8")


def test_an_unknown_name_is_told_with_the_nearest_one():
    with pytest.raises(OdeltError, match="no source 'sm-celeba-b' .*did you mean 'sm-celebahq-b'"):
        load_registry(CONFIG / "sources.yaml")["sm-celeba-b"]


def test_an_unknown_key_is_told_with_the_nearest_one(tmp_path):
    path = written(tmp_path, "sources: {a: {what: x, license: MIT, url: 'https://a.b/c'}}")
    with pytest.raises(OdeltError, match=r"sources.yaml: unknown key 'sources.a.license'; did you mean 'licence'\?"):
        load_registry(path)


@pytest.mark.parametrize(
    "place", ["", ", url: 'https://a.b/c', drive: {folder: 1g665i0vMxm8qqqcp5mAiexnL919-gMwW, file: f}"]
)
def test_a_source_has_exactly_one_address(tmp_path, place):
    with pytest.raises(OdeltError, match="sources.a: a source has exactly one of drive, hub and url"):
        load_registry(written(tmp_path, f"sources: {{a: {{what: x, licence: MIT{place}}}}}"))


def test_an_address_that_is_not_https_is_refused(tmp_path):
    with pytest.raises(OdeltError, match="sources.a.url"):
        load_registry(written(tmp_path, "sources: {a: {what: x, licence: MIT, url: 'http://a.b/c'}}"))


def test_a_registry_that_is_not_there_or_not_yaml_is_told(tmp_path):
    with pytest.raises(OdeltError, match="cannot read the registry of sources .*No such file"):
        load_registry(tmp_path / "none.yaml")
    with pytest.raises(OdeltError, match="not YAML"):
        load_registry(written(tmp_path, "sources: {"))


def test_reading_the_registry_imports_no_download_library():
    program = (
        "import sys; from odelt.config import registry; from odelt.sources import fetch, lock; "
        "print([m for m in ('gdown', 'huggingface_hub', 'requests', 'jax', 'torch', 'tensorflow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8").stdout.strip() == "[]"


@pytest.mark.parametrize(
    "where",
    [
        *(f'hub: {{repository: a/b, revision: main, files: ["{name}"]}}' for name in ("../*", "/etc/*", "a/../../b")),
        *(f"hub: {{repository: a/b, revision: main, files: ['{name}']}}" for name in ("a\\b", "./a", "a//b", "")),
        *(f"drive: {{folder: {'x' * 30}, file: '{name}'}}" for name in ("..", ".", "a\\b")),
        *(f"url: 'https://a.b/{name}'" for name in ("..", "c/.", "a\\b")),
    ],
)
def test_a_name_that_may_lead_out_of_the_folder_is_refused(tmp_path, where):
    with pytest.raises(OdeltError, match="sources.a.* may lead out of the folder; name files below it"):
        load_registry(written(tmp_path, f"sources: {{a: {{what: x, licence: MIT, {where}}}}}"))


def test_a_repository_has_a_name_of_two_plain_parts(tmp_path):
    hub = "hub: {repository: ../.., revision: main, files: [a]}"
    with pytest.raises(OdeltError, match="repository"):
        load_registry(written(tmp_path, f"sources: {{a: {{what: x, licence: MIT, {hub}}}}}"))
