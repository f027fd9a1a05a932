"""The audit page: every published number with the chain behind it, in one file that opens from disk.

`data.py` builds the page's data from an audit. `page.html`, `page.css` and the scripts show the data in a browser.
"""

import base64
import hashlib
import html
import json
import pathlib
from importlib import resources

import yaml

from odelt import files
from odelt.audit import audit, snapshot
from odelt.audit.page import data
from odelt.errors import OdeltError
from odelt.provenance import recording

PAGE = resources.files(__name__)


def write(suite: str, folder: pathlib.Path, out: pathlib.Path) -> None:
    """Audits a suite's folder once. Writes the page to `out`, and the audit's outcome to a `.yaml` file of that name.

    The page shows files that are not verified; they stop nothing.

    Raises:
        OdeltError: the folder is missing, holds nothing to audit, or belongs to another suite.
    """
    (audited,) = audit.audit([folder])
    configuration = audited.chain.nodes.get(snapshot.SUITE)
    if configuration and configuration.record and configuration.record.suite not in (None, suite):
        raise OdeltError(f"{folder} holds the results of the suite '{configuration.record.suite}', not of '{suite}'")
    page_data = data.page_data(audited, suite, recording.now())
    files.write_text(out, render(page_data))
    summary = page_data["audit"]
    brief = {name: summary[name] for name in ("digest", "verified", "removed")}
    brief |= {"problems": summary["broken"], "made": summary["made"]}  # "problems" counts the files not verified
    files.write_text(out.with_suffix(".yaml"), yaml.safe_dump({"audit": brief}, sort_keys=False))


def render(page_data: dict) -> str:
    """Renders the page. The data cannot end the block that holds it, and cannot load anything: the page forbids the
    browser all addresses, and all scripts but its own."""
    page, style = (PAGE.joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "page.css"))
    # One script, whose functions see each other. `start` calls them when all of it has been read.
    scripts = sorted(PAGE.joinpath("scripts").iterdir(), key=lambda part: part.name)
    script = "\n".join(['"use strict";', *(part.read_text(encoding="utf-8") for part in scripts)])
    hashes = {"script-hash": _hash(script), "style-hash": _hash(style)}
    parts = {"title": html.escape(page_data["suite"]), **hashes, "style": style, "script": script}
    # The data comes last, so that a placeholder in it stays as it is.
    for name, text in {**parts, "data": embedded(page_data)}.items():
        page = page.replace("{{" + name + "}}", text)
    return page


def embedded(value: object) -> str:
    """Writes JSON for a `<script>` element: ASCII only, without `<`, `>` and `&`."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    """Hashes a script or a style for the Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
