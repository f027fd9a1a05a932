"""The audit page: every published number with the chain behind it, in one file that opens from disk.

`data.py` says what is shown, as plain data; `page.html`, `page.css` and `page.js` show it.
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


def write(suite: str, folder: pathlib.Path, out: pathlib.Path) -> None:
    """Audits a suite's folder once; writes the page to `out` and, beside it as `.yaml`, the audit's outcome in brief.

    What is not verified is shown on the page and stops nothing.

    Raises:
        OdeltError: the folder is missing, holds nothing to audit, or is that of another suite.
    """
    (audited,) = audit.audit([folder])
    kept = audited.chain.nodes.get(snapshot.SUITE)
    if kept and kept.record and kept.record.suite not in (None, suite):
        raise OdeltError(f"{folder} holds the results of the suite '{kept.record.suite}', not of '{suite}'")
    content = data.content(audited, suite, recording.now())
    files.write_text(out, render(content))
    told = content["audit"]
    brief = {name: told[name] for name in ("digest", "verified", "removed")}
    brief |= {"problems": told["broken"], "made": told["made"]}  # how many files are not verified
    files.write_text(out.with_suffix(".yaml"), yaml.safe_dump({"audit": brief}, sort_keys=False))


def render(content: dict) -> str:
    """The page for this content. Nothing in the content can end the block that holds it, nor load anything: scripts
    other than the page's own, and every address, are forbidden to the browser."""
    page, style, script = (_part(name) for name in ("page.html", "page.css", "page.js"))
    filled = {"title": html.escape(content["suite"]), "script-hash": _hash(script), "style-hash": _hash(style)}
    # The content comes last: nothing is filled into what it holds.
    for name, text in {**filled, "style": style, "script": script, "data": embedded(content)}.items():
        page = page.replace("{{" + name + "}}", text)
    return page


def embedded(content: object) -> str:
    """JSON that can stand in a `<script>` element: ASCII only, without `<`, `>` and `&`."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names a script or a style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
