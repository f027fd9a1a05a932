"""The stand-in network: it answers as the registry's hosts, and as nobody else."""

import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
REGISTRY = ROOT / "config" / "sources.yaml"
URL = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt"


pytest.importorskip("trustme")
requests = pytest.importorskip("requests")


@pytest.fixture
def running(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))  # for the package `rehearsal`
    from rehearsal.network import running

    return running


@pytest.fixture
def stand_ins(tmp_path):
    path = tmp_path / "stand-ins" / "inception-clean" / "inception-2015-12-05.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"0123456789")
    return tmp_path / "stand-ins"


@pytest.fixture
def network(running, tmp_path, stand_ins):
    with running(REGISTRY, stand_ins, tmp_path / "ca.pem") as network:
        yield network


def get(network, tmp_path, url, **headers):
    with requests.Session() as session:
        session.trust_env = False
        proxies = {"https": network.proxy, "http": network.proxy}
        return session.get(url, headers=headers, proxies=proxies, verify=str(tmp_path / "ca.pem"))


def test_it_answers_with_the_stand_in_under_the_registrys_own_address(network, tmp_path):
    answer = get(network, tmp_path, URL)
    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_a_range_is_answered_with_the_rest_of_the_same_file_only(network, tmp_path):
    etag = get(network, tmp_path, URL).headers["ETag"]
    rest = get(network, tmp_path, URL, **{"Range": "bytes=4-", "If-Range": etag})
    assert (rest.status_code, rest.content, rest.headers["Content-Range"]) == (206, b"456789", "bytes 4-9/10")
    assert get(network, tmp_path, URL, **{"Range": "bytes=4-", "If-Range": '"another"'}).status_code == 200


@pytest.mark.parametrize(
    "url", ["https://example.org/", f"{URL}x", "https://huggingface.co/api/models/a/b/revision/main"]
)
def test_what_it_does_not_know_is_a_404_and_a_line(network, tmp_path, capfd, url):
    assert get(network, tmp_path, url).status_code == 404
    assert f"unknown: GET {url}" in capfd.readouterr().err


def test_nobody_is_believed_without_the_authority(network):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(URL, proxies={"https": network.proxy}, verify=True)


def test_a_fault_lasts_as_often_as_it_was_asked_for(running, tmp_path, stand_ins):
    with running(REGISTRY, stand_ins, tmp_path / "ca.pem", ["inception-clean=http-500:2"]) as network:
        assert [get(network, tmp_path, URL).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("fault", ["inception-clean=fire", "inception=quota", "inception-clean=quota:x"])
def test_a_fault_that_does_not_exist_is_refused(running, tmp_path, stand_ins, fault):
    with pytest.raises(SystemExit, match="NAME=KIND"), running(REGISTRY, stand_ins, tmp_path / "ca.pem", [fault]):
        pass


def test_as_a_program_it_writes_its_authority_serves_and_goes_at_sigterm(tmp_path, stand_ins):
    arguments = ["--files", stand_ins, "--registry", REGISTRY, "--port", "0", "--certificate", tmp_path / "ca.pem"]
    program = [sys.executable, "-m", "rehearsal.network", *map(str, arguments)]
    with subprocess.Popen(program, cwd=ROOT, stderr=subprocess.PIPE, encoding="utf-8") as process:
        try:
            proxy = process.stderr.readline().split()[-1]
            answer = requests.get(URL, proxies={"https": proxy}, verify=str(tmp_path / "ca.pem"))
            assert answer.content == b"0123456789"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
