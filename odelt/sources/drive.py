"""A file of a shared Google Drive folder: found by its name in the folder's listing, fetched by the id listed there."""

import pathlib
import re
from typing import Any

import gdown
import requests

from odelt.config import nearest
from odelt.config.registry import DriveFile
from odelt.errors import OdeltError
from odelt.quoting import one_line
from odelt.sources import https
from odelt.sources.retrying import RETRIED_STATUSES, Passing

# How Drive says that a file was downloaded too often; it lasts about a day, so another try now does not help.
QUOTA = re.compile(r"too many users|quota|viewed or downloaded", re.IGNORECASE)


def download(location: DriveFile, out: pathlib.Path, name: str) -> None:
    """One attempt at the file `out`; see `odelt.sources.https.download`."""
    address = f"https://drive.google.com/uc?id={_id(location, name)}"
    try:
        https.download(address, out, name)
    except gdown.FileURLRetrievalError as error:
        if QUOTA.search(str(error)):
            remedy = by_hand(location)
            raise OdeltError(f"{name}: Google Drive's quota for {location.file} is used up; {remedy}") from None
        raise Passing(f"Google Drive does not hand out {location.file} ({_reason(error)})", by_hand(location)) from None
    except KeyError as header:  # gdown reads headers that some error answers lack
        raise Passing(f"Google Drive's answer for {location.file} has no {header}") from None


def by_hand(location: DriveFile) -> str:
    """Returns the remedy if Drive does not hand out a file."""
    return (
        f"try again tomorrow, or fetch it in a browser ({location.address}) and put it into the folder of files "
        "fetched by hand"
    )


def listed(folder: str, timeout: tuple[float, float]) -> list[Any]:
    """Returns the files of a shared folder and of its sub-folders, each with `path` and `id`; raises gdown's errors."""
    return gdown.download_folder(id=folder, skip_download=True, quiet=True, use_cookies=False, timeout=timeout)


def _id(location: DriveFile, name: str) -> str:
    """Returns the id of the only file with that name in the folder and its sub-folders."""
    try:
        files = listed(location.folder, https.TIMEOUT)
    except gdown.DownloadError as error:
        status = re.search(r"status code (\d+)", str(error))
        if status and int(status[1]) in RETRIED_STATUSES:
            raise Passing(f"Google Drive answers {status[1]} to the listing of {location.address}") from None
        raise OdeltError(f"{name}: cannot list {location.address}: {one_line(str(error).partition('.')[0])}") from None
    except requests.RequestException as error:
        raise https.refusal(error, location.address, name) from None
    matches = [file for file in files if pathlib.PurePath(file.path).name == location.file]
    if len(matches) == 1:
        return matches[0].id
    names = sorted(file.path for file in files)
    if matches:
        raise OdeltError(f"{name}: {location.address} lists {location.file} {len(matches)} times: {', '.join(names)}")
    raise OdeltError(
        f"{name}: {location.address} lists no {location.file}{nearest(location.file, names)} "
        f"It lists: {', '.join(names) or 'nothing'}"
    )


def _reason(error: Exception) -> str:
    """Returns the first sentence of gdown's reason, without the advice before and after it."""
    reason = " ".join(str(error).partition("\n\n")[2].partition("\n\n")[0].split())
    return one_line((reason or str(error)).partition(". ")[0])
