"""Fetching, with the real libraries (gdown, huggingface_hub, requests), against the stand-in network."""

import contextlib
import hashlib
import os
import pathlib
import resource
import subprocess
import sys
import time
import types

import pytest

from odelt import OdeltError, files
from odelt.config import Downloads
from odelt.config.registry import load_registry
from odelt.sources import fetch as fetching
from odelt.sources import retrying
from odelt.sources.lock import load_lock, trusted

ROOT = pathlib.Path(__file__).parents[2]
REGISTRY = ROOT / "config" / "sources.yaml"
DRIVE, HUB, FACES, URL = "sm-celebahq-b", "vae", "celebahq", "inception-clean"
BODIES = {
    DRIVE: {"celeba-shortcut2-every4400001": os.urandom(2**21)},
    HUB: {"config.json": b'{"scaling": 0.18215}', "diffusion_pytorch_model.safetensors": os.urandom(1_000_000)},
    FACES: {"data/train-00000.parquet": os.urandom(2**20), "data/train-00001.parquet": b"PAR1"},
    URL: {"inception-2015-12-05.pt": os.urandom(2**20)},
}


@pytest.fixture(autouse=True)
def libraries(monkeypatch):
    """The download libraries, whose tries follow each other at once here; small chunks, as the files are small."""
    for library in ("gdown", "trustme"):
        pytest.importorskip(library)
    file_download = pytest.importorskip("huggingface_hub.file_download")
    monkeypatch.syspath_prepend(str(ROOT))  # for the package `rehearsal`
    monkeypatch.setattr(retrying, "WAITS", (0, 0))
    monkeypatch.setattr(file_download, "time", types.SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None}))
    monkeypatch.setattr(file_download.constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    monkeypatch.setattr(file_download.constants, "HF_HUB_DISABLE_TELEMETRY", True)  # imported by now; see `fetching`
    for variable in ("HF_ENDPOINT", "HF_TOKEN", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def place(tmp_path):
    """Stand-in files, and a folder to fetch into."""
    for name, bodies in BODIES.items():
        for file, body in bodies.items():
            path = tmp_path / "stand-ins" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    (tmp_path / "out").mkdir()
    return tmp_path


@contextlib.contextmanager
def network_of(place, *faults, certificate="ca.pem"):
    from rehearsal.network import running

    with running(REGISTRY, place / "stand-ins", place / certificate, faults) as network:
        yield network


def fetch(place, name, network=None, **settings):
    """Fetches into out/NAME, a file or a directory."""
    proxy = {"proxy": network.proxy, "certificate": place / "ca.pem"} if network else {}
    settings = {"registry": REGISTRY, "lock": place / "lock.yaml", "by_hand": place / "none", **proxy, **settings}
    downloads = Downloads(**{name: str(value) if name != "strict" else value for name, value in settings.items()})
    out = place / "out" / (load_registry(REGISTRY)[name].file or name)
    fetching.fetch(name, out, downloads)
    return out


def contents(out) -> dict[str, bytes]:
    if out.is_file():
        return {out.name: out.read_bytes()}
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if not p.is_dir()}


def record(place, name, file, digest):
    (place / "lock.yaml").write_text(f"sources: {{{name}: {{{file}: {{sha256: '{digest}'}}}}}}", encoding="utf-8")


def left(place) -> list[str]:
    """What lies in the folder of results, the hidden work included."""
    return sorted(p.name for p in (place / "out").iterdir())


def transfers(network) -> list[str | None]:
    """The ranges asked of files (not of listings or notices), in order."""
    kinds = ("confirm=", "cdn-lfs", "nvlabs")
    return [asked for method, url, asked in network.asked if method == "GET" and any(kind in url for kind in kinds)]


@pytest.mark.parametrize("name", [DRIVE, HUB, URL])
def test_each_kind_of_source_arrives_whole_and_alone(place, name, capfd):
    with network_of(place) as network:
        out = fetch(place, name, network)
    assert contents(out) == BODIES[name]
    assert left(place) == [out.name]
    told = capfd.readouterr().err
    assert f"Licence: {load_registry(REGISTRY)[name].licence}" in told
    assert f"recorded on first use; commit {place / 'lock.yaml'}" in told
    assert trusted(load_lock(place / "lock.yaml"), name) == "recorded on first use"


def test_only_the_wanted_files_of_a_repository_come_as_plain_files(place):
    (place / "stand-ins" / FACES / "README.md").write_text("# faces", encoding="utf-8")
    with network_of(place) as network:
        out = fetch(place, FACES, network)
    assert set(contents(out)) == {"data/train-00000.parquet", "data/train-00001.parquet"}
    assert not any(path.is_symlink() for path in out.rglob("*"))


def test_a_recorded_digest_is_verified_and_not_recorded_again(place, capfd):
    (body,) = BODIES[URL].values()
    record(place, URL, "inception-2015-12-05.pt", hashlib.sha256(body).hexdigest())
    before = (place / "lock.yaml").read_text(encoding="utf-8")
    with network_of(place) as network:
        fetch(place, URL, network, strict=True)
    assert (place / "lock.yaml").read_text(encoding="utf-8") == before
    assert "first use" not in capfd.readouterr().err


@pytest.mark.parametrize("name", [DRIVE, HUB, URL])
def test_what_is_fetched_is_new_and_as_readable_as_any_other_file(place, name):
    (place / "mine").write_text("", encoding="utf-8")
    with network_of(place) as network:
        out = fetch(place, name, network)
    for path in [out] if out.is_file() else out.iterdir():
        assert path.stat().st_mode == (place / "mine").stat().st_mode
        assert path.stat().st_mtime >= (place / "mine").stat().st_mtime


def test_what_is_there_and_verified_is_not_fetched_again(place):
    with network_of(place) as network:
        (fetch(place, HUB, network) / ".snakemake_timestamp").touch()
        asked = len(network.asked)
        fetch(place, HUB, network)
        assert len(network.asked) == asked


def test_what_is_there_and_differs_is_replaced(place):
    with network_of(place) as network:
        out = fetch(place, HUB, network)
        (out / "config.json").write_text("{}", encoding="utf-8")
        (out / "mine").write_text("", encoding="utf-8")
        fetch(place, HUB, network)
    assert contents(out) == BODIES[HUB] and left(place) == [HUB]


@pytest.mark.parametrize("name", [DRIVE, FACES, URL])
def test_a_cut_connection_is_continued_from_where_it_broke(place, name):
    half = max(len(body) for body in BODIES[name].values()) // 2
    with network_of(place, f"{name}=truncated:1") as network:
        out = fetch(place, name, network)
    assert contents(out) == BODIES[name]
    assert f"bytes={half}-" in transfers(network)


@pytest.mark.parametrize("name", [DRIVE, FACES, URL])
def test_a_later_process_continues_what_a_broken_one_left(place, name):
    half = max(len(body) for body in BODIES[name].values()) // 2
    with network_of(place, f"{name}=truncated") as network, pytest.raises(OdeltError) as error:
        fetch(place, name, network)
    assert str(error.value).startswith(f"{name}: ") and "in 3 tries; what was received is kept" in str(error.value)
    assert "\n" not in str(error.value)
    (work,) = left(place)
    assert work.startswith(".") and work.endswith(".partial")
    with network_of(place) as network:
        out = fetch(place, name, network)
    assert contents(out) == BODIES[name] and left(place) == [out.name]
    assert [asked for asked in transfers(network) if asked] == [f"bytes={half}-"]


@pytest.mark.parametrize("name", [DRIVE, HUB, URL])
def test_a_server_in_trouble_is_asked_again(place, name, capfd):
    with network_of(place, f"{name}=http-500:1") as network:
        out = fetch(place, name, network)
    assert contents(out) == BODIES[name]
    assert "try 2 of 3" in capfd.readouterr().err


@pytest.mark.parametrize("name", [DRIVE, HUB, URL])
def test_a_server_that_stays_in_trouble_is_told_with_nothing_left(place, name):
    with network_of(place, f"{name}=http-500") as network, pytest.raises(OdeltError, match=f"^{name}: .*in 3 tries"):
        fetch(place, name, network)
    assert not (place / "out" / name).exists() and all(work.startswith(".") for work in left(place))


def test_a_quota_of_drive_is_told_with_the_way_around_it(place):
    with network_of(place, f"{DRIVE}=quota") as network, pytest.raises(OdeltError) as error:
        fetch(place, DRIVE, network)
    assert "quota for celeba-shortcut2-every4400001 is used up; try again tomorrow" in str(error.value)
    assert "https://drive.google.com/drive/folders/1g665i0vMxm8qqqcp5mAiexnL919-gMwW" in str(error.value)
    assert left(place) == []


def test_a_web_page_in_place_of_a_file_is_recognised(place):
    with (
        network_of(place, f"{URL}=quota") as network,
        pytest.raises(OdeltError, match="is a web page and not the file"),
    ):
        fetch(place, URL, network)
    assert left(place) == [] and not (place / "lock.yaml").exists()


def test_a_page_in_place_of_a_file_of_the_hub_does_not_stay_in_its_way(place):
    with network_of(place, f"{HUB}=quota") as network, pytest.raises(OdeltError, match="not the 20 bytes that the hub"):
        fetch(place, HUB, network)
    assert left(place) == []


@pytest.mark.parametrize("name", [DRIVE, HUB, URL])
def test_a_changed_file_is_told_with_both_digests_and_leaves_nothing(place, name):
    with network_of(place) as network:
        out = fetch(place, name, network)
    first = load_lock(place / "lock.yaml").of(name)
    fetched = contents(out)
    for file in [out] if out.is_file() else list(out.iterdir()):
        file.unlink()
    with network_of(place, f"{name}=changed") as network, pytest.raises(OdeltError) as error:
        fetch(place, name, network)
    file = min(fetched)
    changed = hashlib.sha256(bytes(byte ^ 1 for byte in fetched[file])).hexdigest()
    assert f"{file}, from " in str(error.value)
    assert f"has sha256 {changed}, but {place / 'lock.yaml'} records {first[file].sha256}" in str(error.value)
    assert load_lock(place / "lock.yaml").of(name) == first
    if name != HUB:  # of a directory what did not prove wrong is kept, out of sight
        assert left(place) == []


def test_a_wrong_file_among_good_ones_is_all_that_is_fetched_again(place):
    record(place, HUB, "config.json", "0" * 64)
    with network_of(place) as network:
        with pytest.raises(OdeltError, match="config.json, from .*has sha256"):
            fetch(place, HUB, network)
        (place / "lock.yaml").unlink()
        network.asked.clear()
        out = fetch(place, HUB, network)
        assert transfers(network) == [] and contents(out) == BODIES[HUB]


def test_a_strict_fetch_refuses_an_unknown_digest_before_it_downloads(place):
    with network_of(place) as network, pytest.raises(OdeltError, match=f"{DRIVE}: no digest of it is recorded"):
        fetch(place, DRIVE, network, strict=True)
    assert network.asked == [] and left(place) == []


def test_a_strict_fetch_refuses_a_file_that_only_turns_up_while_fetching(place):
    record(place, HUB, "config.json", hashlib.sha256(BODIES[HUB]["config.json"]).hexdigest())
    with (
        network_of(place) as network,
        pytest.raises(OdeltError, match="no digest of diffusion_pytorch_model.safetensors"),
    ):
        fetch(place, HUB, network, strict=True)
    assert not (place / "out" / HUB).exists()


def test_a_folder_that_no_longer_lists_the_name_tells_what_it_lists(place):
    (path,) = (place / "stand-ins" / DRIVE).iterdir()
    path.unlink()
    other = place / "stand-ins" / "sm-imagenet-b"
    other.mkdir()
    (other / "imagenet-shortcut2-b-fulldata800001").write_bytes(b"x")
    with network_of(place) as network, pytest.raises(OdeltError) as error:
        fetch(place, DRIVE, network)
    assert "lists no celeba-shortcut2-every4400001" in str(error.value)
    assert "It lists: imagenet-shortcut2-b-fulldata800001" in str(error.value)


def test_a_repository_without_the_file_tells_what_it_has(place):
    (place / "stand-ins" / HUB / "diffusion_pytorch_model.safetensors").unlink()
    with network_of(place) as network, pytest.raises(OdeltError, match="no file that matches .*; it has: config.json"):
        fetch(place, HUB, network)


@pytest.mark.parametrize("name", [HUB, URL])
def test_an_address_that_does_not_exist_is_told_at_once_with_its_status(place, name):
    for path in (place / "stand-ins" / name).iterdir():
        path.unlink()
    with network_of(place) as network, pytest.raises(OdeltError, match=f"{name}: .* answers 404 to https://"):
        fetch(place, name, network)
    assert len(network.asked) == 1


@pytest.mark.parametrize("name", [DRIVE, HUB, URL])
def test_a_proxy_that_is_not_there_is_told_in_one_line(place, name):
    with network_of(place) as network:
        pass
    with pytest.raises(OdeltError, match=r"Connection refused.*in 3 tries") as error:
        fetch(place, name, network)
    assert "\n" not in str(error.value) and left(place) == []


@pytest.mark.parametrize("name", [DRIVE, HUB, URL])
def test_an_authority_that_is_not_trusted_is_told_with_the_remedy(place, name):
    with (
        network_of(place, certificate="other.pem"),
        network_of(place) as network,
        pytest.raises(OdeltError, match="certificate of .* is not trusted here .*set `certificate`"),
    ):
        fetch(place, name, network, certificate=place / "other.pem")


@pytest.mark.parametrize("name", [DRIVE, FACES, URL])
def test_a_disk_that_takes_no_more_is_told_and_what_was_received_is_continued(place, name):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with network_of(place) as network:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**19 + 5000, limits[1]))
        try:
            with pytest.raises(OdeltError, match="cannot write to .*: File too large"):
                fetch(place, name, network)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        out = fetch(place, name, network)
    assert contents(out) == BODIES[name]
    assert any(transfers(network))


def test_a_file_fetched_by_hand_is_verified_and_nothing_is_downloaded(place, capfd):
    (path,) = (place / "stand-ins" / DRIVE).iterdir()
    out = fetch(place, DRIVE, by_hand=path.parent)
    assert contents(out) == BODIES[DRIVE] and path.exists() and not out.samefile(path)
    assert f"{path} was fetched by hand" in capfd.readouterr().err
    assert trusted(load_lock(place / "lock.yaml"), DRIVE) == "recorded on first use"


def test_a_named_pipe_among_the_files_fetched_by_hand_is_told(place):
    (path,) = (place / "stand-ins" / DRIVE).iterdir()
    (place / "hand").mkdir()
    os.mkfifo(place / "hand" / path.name)
    with pytest.raises(OdeltError, match=rf"{path.name} is a named pipe"):
        fetch(place, DRIVE, by_hand=place / "hand")
    assert left(place) == []


def test_a_directory_fetched_by_hand_gives_the_files_that_are_wanted(place):
    out = fetch(place, FACES, by_hand=place / "stand-ins")
    assert set(contents(out)) == {"data/train-00000.parquet", "data/train-00001.parquet"}
    (place / "stand-ins" / HUB / "config.json").unlink()
    with pytest.raises(OdeltError, match="vae has no file config.json; fetch it too"):
        fetch(place, HUB, by_hand=place / "stand-ins")


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><html>quota", b"\n <HTML><head>Google Drive - Virus scan warning"])
def test_a_page_saved_by_hand_is_recognised_and_left_to_its_owner(place, body):
    hand = place / "celeba-shortcut2-every4400001"
    hand.write_bytes(body)
    with pytest.raises(OdeltError, match=f"fetched by hand .{hand}., is a web page and not the file"):
        fetch(place, DRIVE, by_hand=place)
    assert hand.read_bytes() == body and left(place) == []


def test_a_half_copied_file_does_not_take_the_name(place):
    (path,) = (place / "stand-ins" / DRIVE).iterdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, limits[1]))
    try:
        with pytest.raises(OdeltError, match="cannot write to .*: File too large"):
            fetch(place, DRIVE, by_hand=path.parent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(fetch(place, DRIVE, by_hand=path.parent)) == BODIES[DRIVE]


def test_a_wrong_file_fetched_by_hand_is_told_with_both_digests(place):
    hand = place / "celeba-shortcut2-every4400001"
    hand.write_bytes(b"other")
    record(place, DRIVE, hand.name, "0" * 64)
    with pytest.raises(OdeltError, match=f"sha256 {files.digest(hand)}, but .* records {'0' * 64}"):
        fetch(place, DRIVE, by_hand=place)
    assert left(place) == []


def test_a_second_process_does_not_fetch_the_same_thing(place):
    out = place / "out" / "inception-2015-12-05.pt"
    with fetching._workplace(out), pytest.raises(OdeltError, match="another process is fetching"):
        fetch(place, URL)


def test_the_environment_is_the_users_again_afterwards(place, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://mine:1")
    before = dict(os.environ)
    with network_of(place) as network:
        fetch(place, URL, network)
    assert dict(os.environ) == before


def test_an_environment_without_the_libraries_is_told(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    for room in ("drive", "https"):
        monkeypatch.delitem(sys.modules, f"odelt.sources.{room}", raising=False)
    with pytest.raises(OdeltError, match="fetching needs the package gdown; `make env-full` installs it"):
        fetch(place, DRIVE)


def test_a_fetch_asks_for_its_files_and_for_nothing_else(place):
    program = (
        "import pathlib, sys; from odelt.config import Downloads; from odelt.sources.fetch import fetch; "
        "registry, proxy, place = sys.argv[1:]; fetch('vae', pathlib.Path(place, 'out', 'vae'), Downloads("
        "registry=registry, lock=f'{place}/lock.yaml', proxy=proxy, certificate=f'{place}/ca.pem'))"
    )
    with network_of(place) as network:
        subprocess.run([sys.executable, "-c", program, REGISTRY, network.proxy, place], check=True)
    repository = "/stabilityai/sd-vae-ft-mse/"
    assert all(repository in url or url.startswith("https://cdn-lfs.") for _, url, _ in network.asked)


def test_what_another_commit_left_is_neither_continued_nor_kept(place):
    work = place / "out" / ".vae.partial" / "files"
    work.mkdir(parents=True)
    (work / "config.json").write_text("of another commit", encoding="utf-8")
    (work / "config.json.000000000000.part").write_text("of a third", encoding="utf-8")
    (work / "gone.json").write_text("{}", encoding="utf-8")
    with network_of(place) as network:
        out = fetch(place, HUB, network)
    assert contents(out) == BODIES[HUB]


def test_fetching_imports_no_world():
    program = (
        "import sys; from odelt.sources import drive, fetch, https, hub; "
        "print([m for m in ('jax', 'torch', 'tensorflow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8").stdout.strip() == "[]"
