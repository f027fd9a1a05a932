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


def download(place: DriveFile, out: pathlib.Path, name: str) -> None:
    """One attempt at the file `out`; see `odelt.sources.https.download`."""
    address = f"https://drive.google.com/uc?id={_id(place, name)}"
    try:
        https.download(address, out, name)
    except gdown.FileURLRetrievalError as error:
        if QUOTA.search(str(error)):
            raise OdeltError(f"{name}: Google Drive's quota for {place.file} is used up; {by_hand(place)}") from None
        raise Passing(f"Google Drive does not hand out {place.file} ({_told(error)})", by_hand(place)) from None
    except KeyError as header:  # gdown reads headers that an answer in trouble lacks
        raise Passing(f"Google Drive's answer for {place.file} has no {header}") from None


def by_hand(place: DriveFile) -> str:
    """What helps where Drive does not hand out a file."""
    return (
        f"try again tomorrow, or fetch it in a browser ({place.address}) and put it into the folder of files "
        "fetched by hand"
    )


def _id(place: DriveFile, name: str) -> str:
    """The id of the one file of that name in the folder, sub-folders included."""
    try:
        listed = gdown.download_folder(
            id=place.folder, skip_download=True, quiet=True, use_cookies=False, timeout=https.TIMEOUT
        )
    except gdown.DownloadError as error:
        status = re.search(r"status code (\d+)", str(error))
        if status and int(status[1]) in RETRIED_STATUSES:
            raise Passing(f"Google Drive answers {status[1]} to the listing of {place.address}") from None
        raise OdeltError(f"{name}: cannot list {place.address}: {one_line(str(error).partition('.')[0])}") from None
    except requests.RequestException as error:
        raise https.refusal(error, place.address, name) from None
    files: list[Any] = listed  # and no names, as nothing is downloaded
    found = [file for file in files if pathlib.PurePath(file.path).name == place.file]
    if len(found) == 1:
        return found[0].id
    names = sorted(file.path for file in files)
    if found:
        raise OdeltError(f"{name}: {place.address} lists {place.file} {len(found)} times: {', '.join(names)}")
    raise OdeltError(
        f"{name}: {place.address} lists no {place.file}{nearest(place.file, names)} "
        f"It lists: {', '.join(names) or 'nothing'}"
    )


def _told(error: Exception) -> str:
    """The first sentence of gdown's reason, without its advice around it."""
    reason = " ".join(str(error).partition("\n\n")[2].partition("\n\n")[0].split())
    return one_line((reason or str(error)).partition(". ")[0])
