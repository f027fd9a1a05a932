"""The page's entry for each published table: its blocks, with the files that each number comes from."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from odelt.audit.chain import Chain
from odelt.audit.page import cells, markdown
from odelt.audit.page.interned import Interned
from odelt.audit.page.plain_texts import LARGEST_FILE, LONGEST_VALUE, printable_values, read_text
from odelt.layout import paths
from odelt.quoting import printable

OF_SUITE = (paths.CLAIMS, paths.VERDICTS)


class TableEntries:
    """Builds the entries. Cells refer to files by `index_of`, and to the numbers that they compare with by index."""

    def __init__(self, chain: Chain, index_of: Mapping[str, int]):
        self.chain, self.folder, self.index_of = chain, chain.folder, index_of
        self.comparisons = Interned()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Builds an entry for each table: first the experiments' tables, then the suite's."""
        for experiment in self._experiments():
            grid = cells.read_csv(read_text(self.folder, f"{_table_path(experiment, paths.GRID)}.csv"))
            origins = cells.Origins(experiment, self.index_of.__contains__, grid)
            for name in paths.TABLES_OF_EXPERIMENT:
                yield from self._entry(f"{experiment}/{name}", _table_path(experiment, name), name, origins)
        for name in OF_SUITE:
            yield from self._entry(name, name, name, cells.Origins("", self.index_of.__contains__, ()))

    def _experiments(self) -> list[str]:
        files = map(pathlib.PurePosixPath, self.chain.nodes)
        tables = [file for file in files if len(file.parts) == 3 and file.parts[1] == paths.TABLES]
        return list(dict.fromkeys(file.parts[0] for file in tables if file.stem in paths.TABLES_OF_EXPERIMENT))

    def _entry(self, id: str, path: str, name: str, origins: cells.Origins) -> Iterator[dict[str, Any]]:
        """Builds the entry of a table, if its Markdown is among the audited files."""
        if f"{path}.md" not in self.index_of:
            return
        blocks = markdown.blocks(read_text(self.folder, f"{path}.md"))
        unlinked = ""
        try:
            linked = cells.link(name, blocks, cells.read_csv(read_text(self.folder, f"{path}.csv")), origins)
        except cells.Mismatch as mismatch:
            linked, unlinked = {}, printable(str(mismatch))[:LONGEST_VALUE]
        entries = [self._block_entry(block, linked.get(number)) for number, block in enumerate(blocks)]
        files = [self.index_of[f"{path}{suffix}"] for suffix in (".md", ".csv") if f"{path}{suffix}" in self.index_of]
        yield {"id": printable(id), "files": files, "blocks": entries, "unlinked": unlinked}

    def _block_entry(self, block: markdown.Block, linked: Sequence[Sequence[cells.Cell]] | None) -> dict[str, Any]:
        if block.kind == "table":
            header, *body = block.rows
            lines = [[cells.Cell(text) for text in line] for line in body] if linked is None else linked
            rows = [[self._cell_entry(cell) for cell in line] for line in lines]
            return {"kind": "table", "columns": [printable(heading) for heading in header], "rows": rows}
        if block.kind == "list":
            return {"kind": "list", "items": [printable(item, LARGEST_FILE) for item in block.items]}
        return {"kind": block.kind, "text": printable(block.text, LARGEST_FILE)}

    def _cell_entry(self, cell: cells.Cell) -> str | list:
        """A text, or of a linked number [text, files, the exact number, the index of its comparison or None]."""
        if not cell.files:
            return printable(cell.text)
        comparison = None
        if cell.comparison:
            comparison = self.comparisons.index(printable_values(dataclasses.asdict(cell.comparison)))
        return [printable(cell.text), [self.index_of[name] for name in cell.files], printable(cell.exact), comparison]


def _table_path(experiment: str, name: str) -> str:
    """The path of an experiment's table, without its suffix."""
    return paths.ExperimentPaths(pathlib.PurePosixPath(experiment)).table(name, "md").with_suffix("").as_posix()
