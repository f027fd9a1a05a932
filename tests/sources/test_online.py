"""`odelt doctor --online`, with the real libraries, against the stand-in network: renamed files and refusals."""

import contextlib
import pathlib

import pytest

from odelt.config.registry import load_registry

ROOT = pathlib.Path(__file__).parents[2]
REGISTRY = ROOT / "config" / "sources.yaml"
DRIVE, HUB, FACES, URL = "sm-celebahq-b", "vae", "celebahq", "inception-clean"
BODIES = {
    DRIVE: {"celeba-shortcut2-every4400001": bytes(5000)},
    "fid-celebahq-ours": {"celeba256_fidstats_ours.npz": bytes(300)},
    HUB: {"config.json": bytes(19), "diffusion_pytorch_model.safetensors": bytes(2000)},
    FACES: {"data/train-00000.parquet": bytes(700), "data/train-00001.parquet": bytes(50), "README.md": bytes(9)},
    URL: {"inception-2015-12-05.pt": bytes(1234)},
}
OTHER_NAMES = {  # what the registry says in these tests, where a host has another name by now
    "celeba-shortcut2-every4400001": "celeba-shortcut-every400001",
    "data/train-*.parquet": "data/training-*.parquet",
    "inception-2015-12-05.pt": "inception-2016.pt",
}


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Findings by source (or host), of the hosts in the block; `renamed` is the registry with names of its own."""
    for library in ("gdown", "trustme", "huggingface_hub"):
        pytest.importorskip(library)
    monkeypatch.syspath_prepend(str(ROOT))  # for the package `rehearsal`
    for variable in ("HF_ENDPOINT", "HF_TOKEN", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    from odelt.sources import fetch, online
    from rehearsal.network import running

    for name, bodies in BODIES.items():
        for file, body in bodies.items():
            path = tmp_path / "stand-ins" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    text = REGISTRY.read_text(encoding="utf-8")
    for file, other in OTHER_NAMES.items():
        text = text.replace(file, other)
    (tmp_path / "renamed.yaml").write_text(text, encoding="utf-8")

    def answers(registry=REGISTRY, faults=(), proxy=None):
        path = tmp_path / "renamed.yaml" if registry == "renamed" else registry
        with contextlib.ExitStack() as stack:
            network = stack.enter_context(running(REGISTRY, tmp_path / "stand-ins", tmp_path / "ca.pem", faults))
            stack.enter_context(fetch.network(proxy or network.proxy, tmp_path / "ca.pem"))
            findings = online.ask(load_registry(path))
        ask.sent = network.asked
        return {finding.text.partition(":")[0].partition(" ")[0]: finding for finding in findings}

    ask = answers
    return answers


def test_every_source_is_there_with_its_size_or_not(ask):
    found = ask()
    assert found.keys() == load_registry(REGISTRY).sources.keys()
    assert {name for name, finding in found.items() if finding.there} == BODIES.keys()
    assert found[DRIVE].text.startswith(
        f"{DRIVE}: there, 5,000 bytes; sources.yaml has another size: put there bytes: 5_000"
    )
    assert found[URL].text.startswith(f"{URL}: there, 1,234 bytes")
    assert found[HUB].text == f"{HUB}: there, 2,019 bytes in 2 files"


def test_a_branch_is_resolved_to_its_commit(ask):
    from rehearsal.hosts import COMMIT

    said = ask()[FACES].text
    assert (
        f"there, 750 bytes in 2 files; main is a commit now; to keep to it, put into sources.yaml: revision: {COMMIT}"
        in said
    )


def test_no_file_is_downloaded(ask):
    ask()
    ranges = [asked for _, url, asked in ask.sent if "download" in url or "cdn-lfs" in url or "nvlabs" in url]
    assert len(ranges) >= 6 and set(ranges) == {"bytes=0-0"}


def test_a_renamed_file_is_named_with_the_line_that_finds_it(ask):
    found = ask("renamed")
    said = found[DRIVE].text
    assert "lists no celeba-shortcut-every400001; the nearest: celeba-shortcut2-every4400001" in said
    folder = load_registry(REGISTRY)[DRIVE].drive.folder
    assert said.endswith(f"sources.yaml: drive: {{folder: {folder}, file: celeba-shortcut2-every4400001}}")
    assert (
        "the nearest: data/train-0000" in found[FACES].text
        and "sources.yaml: files: [data/train-0000" in found[FACES].text
    )
    assert "nvlabs-fi-cdn.nvidia.com answers 404" in found[URL].text
    assert not any(found[name].there for name in (DRIVE, FACES, URL))


def test_refusals_are_told_by_source(ask):
    found = ask(faults=[f"{DRIVE}=quota", f"{URL}=http-500"])
    assert "drive.usercontent.google.com's quota for it is used up; try again tomorrow" in found[DRIVE].text
    assert "nvlabs-fi-cdn.nvidia.com answers 500" in found[URL].text
    assert found["fid-celebahq-ours"].there


def test_without_a_network_each_host_is_one_line(ask):
    found = ask(proxy="http://127.0.0.1:9")
    assert sorted(found) == ["drive.google.com", "github.com", "huggingface.co", "nvlabs-fi-cdn.nvidia.com"]
    assert not any(finding.there for finding in found.values())
    assert "github.com does not answer" in found["github.com"].text and "refused" in found["github.com"].text
    assert "vae, celebahq; is there a network" in found["huggingface.co"].text
