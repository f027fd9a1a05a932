"""The page's entry for each published table: its blocks, with the files that each number comes from."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from odelt.audit.chain import Chain
from odelt.audit.page.plain_texts import LARGEST_FILE, Interned, printable_values, read_text
from odelt.config import subfolders
from odelt.layout import paths
from odelt.publishing.pages import MARKDOWN
from odelt.quoting import printable

OF_SUITE = (paths.CLAIMS, paths.VERDICTS)
ENDINGS = ("md", "csv", paths.LINKS)


class TableEntries:
    """Builds the entries. Cells refer to files by `index_of`, and to the numbers that they compare with by index."""

    def __init__(self, chain: Chain, index_of: Mapping[str, int]):
        self.chain, self.folder, self.index_of = chain, chain.folder, index_of
        self.comparisons = Interned()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Builds an entry for each table whose Markdown is audited: first the experiments' tables, then the suite's."""
        for experiment in self._experiments():
            layout = paths.ExperimentPaths(pathlib.PurePosixPath(experiment))
            for name in paths.TABLES_OF_EXPERIMENT:
                files = {ending: layout.table(name, ending).as_posix() for ending in ENDINGS}
                if files["md"] in self.index_of:
                    yield self._entry(f"{experiment}/{name}", files)
        for name in OF_SUITE:
            if f"{name}.md" in self.index_of:
                yield self._entry(name, {ending: f"{name}.{ending}" for ending in ENDINGS})

    def _experiments(self) -> list[str]:
        files = map(pathlib.PurePosixPath, self.chain.nodes)
        tables = [file for file in files if len(file.parts) == 3 and file.parts[1] == subfolders.TABLES]
        return list(dict.fromkeys(file.parts[0] for file in tables if file.stem in paths.TABLES_OF_EXPERIMENT))

    def _entry(self, id: str, files: Mapping[str, str]) -> dict[str, Any]:
        blocks = _blocks(read_text(self.folder, files["md"]))
        tables = [block["rows"] for block in blocks if block["kind"] == "table"]
        if files[paths.LINKS] not in self.index_of or not self.folder.is_file(files[paths.LINKS]):
            unlinked = "there is no file of links beside it, as older versions made none"
        elif not self._link(tables, read_text(self.folder, files[paths.LINKS])):
            unlinked = f"{files[paths.LINKS]} does not fit it"
        else:
            unlinked = ""
        known = [self.index_of[file] for file in files.values() if file in self.index_of]
        return {"id": printable(id), "files": known, "blocks": blocks, "unlinked": printable(unlinked)}

    def _link(self, tables: list[list[list]], text: str) -> bool:
        """Replaces linked texts in the tables by cells. Returns False, and replaces none, if the links do not fit."""
        cells = []
        try:
            content = json.loads(text)
            published = [self.comparisons.index(printable_values(number)) for number in content["published"]]
            for link in content["links"]:
                line, column = tables[link["table"]][link["line"]], link["column"]
                if line[column] != printable(link["text"], LARGEST_FILE):
                    return False
                files = [self.index_of[file] for file in link["files"] if file in self.index_of]
                exact = "" if link["exact"] is None else printable(str(link["exact"]))
                compared = None if link["published"] is None else published[link["published"]]
                if files:
                    cells.append((line, column, [line[column], files, exact, compared]))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return False
        for line, column, cell in cells:
            line[column] = cell
        return True


def _blocks(text: str) -> list[dict[str, Any]]:
    """Returns the headings, paragraphs, lists and tables of a page of Markdown as texts. HTML in it is text, too."""
    blocks = []
    for node in SyntaxTreeNode(MARKDOWN.parse(text)).children:
        if node.type == "table":
            header, *rows = [[_plain(cell) for cell in row.children] for row in node.walk() if row.type == "tr"]
            blocks.append({"kind": "table", "columns": header, "rows": rows})
        elif node.type in ("bullet_list", "ordered_list"):
            blocks.append({"kind": "list", "items": [_plain(item) for item in node.children]})
        elif text := _plain(node):
            blocks.append({"kind": "heading" if node.type == "heading" else "paragraph", "text": text})
    return blocks


def _plain(node: SyntaxTreeNode) -> str:
    """Returns the text in a part of a page, without markup and on one line."""
    texts = [" " if leaf.type.endswith("break") else leaf.content for leaf in node.walk() if not leaf.children]
    return printable("".join(texts), LARGEST_FILE)
