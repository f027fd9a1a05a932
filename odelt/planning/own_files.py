"""The user's own files, which Snakemake does not watch: folders of images, ImageNet's tar.

What stands for them is a parameter of the rules that read them, so that Snakemake makes again what a change of them
touches. It is no property of a result: records hold the files' digest instead, and a copied folder is the same.
"""

import json

from odelt import files, plain_data
from odelt.config import Dataset, Suite
from odelt.data import folders
from odelt.errors import OdeltError
from odelt.machine import alive

MEMORY = alive.FOLDER / "own-files.json"  # goes with what Snakemake itself remembers of parameters


def fingerprint(dataset: Dataset) -> str:
    """Names, sizes and times of the dataset's own files; of files that are gone, the last ones that a run has seen.

    So results stay finished when the images they were made from are put away. Empty where there have been none.
    """
    if dataset.path is None:
        return ""
    return folders.fingerprint(dataset.path) or _remembered().get(dataset.path, "")


def remember(suite: Suite) -> None:
    """Keeps the fingerprints of what is there now; a run calls this before its first job."""
    paths = [dataset.path for dataset in suite.datasets.values() if dataset.path]
    now = {path: known for path in paths if (known := folders.fingerprint(path))}
    before = _remembered()
    if before | now != before:
        files.write_text(MEMORY, json.dumps(before | now, indent=1) + "\n")


def _remembered() -> dict[str, str]:
    files.require_regular(MEMORY)
    try:
        content = plain_data.parse_json(MEMORY.read_bytes(), MEMORY)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OdeltError(f"cannot read {MEMORY}: {error.strerror}") from None
    if not isinstance(content, dict):
        raise OdeltError(f"{MEMORY} is damaged: delete it")
    return content
