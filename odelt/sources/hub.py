"""Files of a Hugging Face repository at one commit, each continued where a broken transfer stopped.

The hub library lists and transfers. Its `snapshot_download` is not used: it starts a broken file from the beginning in
the next process, and takes an incomplete folder for a complete one if it cannot reach the hub.
"""

import pathlib

import httpx2
from huggingface_hub import HfApi, close_session, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import build_hf_headers, filter_repo_objects
from huggingface_hub.utils.sha import git_hash, sha_fileobj

from odelt import files
from odelt.config.registry import HubFiles
from odelt.errors import OdeltError
from odelt.quoting import one_line
from odelt.sources.retrying import RETRIED_STATUSES, Passing, tell


def download(location: HubFiles, out: pathlib.Path, name: str) -> None:
    """Makes one attempt to download the files that match the patterns into `out`, with their relative paths.

    Whole files that exist already stay. The received part of another file is next to it, as `<file>.<id>.part`.

    Raises:
        Passing: the connection broke, or the hub asks for patience.
        OdeltError: the repository, the revision or a file is not there, or this machine cannot take it.
    """
    try:
        commit, listed = _listing(location)
        wanted = _wanted(location, listed, name)
        _forget_others(out, wanted)
        for file in wanted:
            _file(location, commit, file, out)
    except HfHubHTTPError as error:
        raise _refusal(error, location, name) from None
    except httpx2.TransportError as error:
        host = constants.ENDPOINT.partition("//")[2]
        if "CERTIFICATE" in str(error):
            raise OdeltError(
                f"{name}: the certificate of {host} is not trusted here ({one_line(error)}); "
                "behind an intercepting proxy set `certificate` (or SSL_CERT_FILE) to its authority"
            ) from None
        raise Passing(f"the connection to {host} fails ({one_line(error) or type(error).__name__})") from None
    finally:
        close_session()  # the library's connections carry the proxy of this fetch


def _listing(location: HubFiles) -> tuple[str, dict[str, RepoFile]]:
    """Returns the commit of the revision, and its files by path."""
    api = HfApi()
    commit = api.repo_info(repo_id=location.repository, repo_type=location.type, revision=location.revision).sha
    assert commit is not None  # a revision that is there is of a commit
    tree = api.list_repo_tree(repo_id=location.repository, repo_type=location.type, revision=commit, recursive=True)
    return commit, {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}


def _wanted(location: HubFiles, listed: dict[str, RepoFile], name: str) -> list[RepoFile]:
    for pattern in location.files:
        if not list(filter_repo_objects(listed, allow_patterns=pattern)):
            raise OdeltError(
                f"{name}: {location.address} has no file that matches {pattern} at revision {location.revision}; "
                f"it has: {one_line(', '.join(sorted(listed))) or 'nothing'}"
            )
    return [listed[path] for path in sorted(filter_repo_objects(listed, allow_patterns=location.files))]


def _file(location: HubFiles, commit: str, file: RepoFile, out: pathlib.Path) -> None:
    path = files.inside(out, file.path)  # as the hub lists it
    if path.is_file() and _is(path, file):
        return
    part = _part(out, file)
    part.parent.mkdir(parents=True, exist_ok=True)
    url = hf_hub_url(location.repository, file.path, repo_type=location.type, revision=commit)
    tell(f"{url} ({file.size} bytes)")
    with part.open("ab") as draft:
        try:
            http_get(url, draft, resume_size=draft.tell(), headers=build_hf_headers(), expected_size=file.size)
        except HfHubHTTPError:
            raise
        except OSError as error:
            if error.errno is not None:  # of this machine: a full disk
                raise
            part.unlink()  # a whole answer of another size is another file, not the beginning of this one
            raise Passing(f"{url}: what arrived has not the {file.size} bytes that the hub lists") from None
    if not _is(part, file):
        part.unlink()
        raise Passing(f"{url}: what arrived has not the digest that the hub lists")
    part.replace(path)


def _part(out: pathlib.Path, file: RepoFile) -> pathlib.Path:
    """Returns the path of a partial file. It is named after the content, so a changed file is not continued."""
    return out / f"{file.path}.{file.blob_id[:12]}.part"


def _is(path: pathlib.Path, file: RepoFile) -> bool:
    """Whether the file has the size and the digest that the hub lists: sha256 of a large file, git's of a small one."""
    if path.stat().st_size != file.size:
        return False
    if file.lfs is None:
        return git_hash(path.read_bytes()) == file.blob_id
    with path.open("rb") as opened:
        return sha_fileobj(opened).hex() == file.lfs.sha256


def _forget_others(out: pathlib.Path, wanted: list[RepoFile]) -> None:
    """Deletes files that an earlier process received from another commit."""
    ours = {out / file.path for file in wanted} | {_part(out, file) for file in wanted}
    for path in list(out.rglob("*")):
        if path.is_file() and path not in ours:
            path.unlink()


def _refusal(error: HfHubHTTPError, location: HubFiles, name: str) -> Exception:
    status = error.response.status_code
    if status in RETRIED_STATUSES:
        return Passing(f"the hub answers {status} for {location.repository}")
    remedy = "is the name right, and does HF_TOKEN admit you?" if status in (401, 403) else "see config/sources.yaml"
    return OdeltError(f"{name}: the hub answers {status} to {error.response.url} ({location.repository}); {remedy}")
