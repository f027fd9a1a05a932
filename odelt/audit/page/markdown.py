"""A published table's Markdown as plain data: headings, paragraphs, lists and tables, without any markup."""

import dataclasses
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclasses.dataclass
class Block:
    """One part of a page. A table has rows of cells, the first of them its header; a list has its items."""

    kind: str  # heading, paragraph, list or table
    text: str = ""
    items: list[str] = dataclasses.field(default_factory=list)
    rows: list[list[str]] = dataclasses.field(default_factory=list)


def blocks(text: str) -> list[Block]:
    """Splits the text into its blocks. HTML stays text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [block for block in _blocks(tokens) if block.text or block.items or block.rows]


def _blocks(tokens: list[Token]) -> Iterator[Block]:
    open_list: Block | None = None
    open_table: Block | None = None
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            open_list = open_list or Block("list")
        elif token.type in ("bullet_list_close", "ordered_list_close") and open_list:
            yield open_list
            open_list = None
        elif token.type == "table_open":
            open_table = Block("table")
        elif token.type == "tr_open" and open_table:
            open_table.rows.append([])
        elif token.type == "table_close" and open_table:
            yield open_table
            open_table = None
        elif token.type == "inline" and open_table:
            open_table.rows[-1].append(_plain(token))
        elif token.type == "inline" and open_list:
            open_list.items.append(_plain(token))
        elif token.type == "inline":
            yield Block("heading" if before and before.type == "heading_open" else "paragraph", _plain(token))
        elif token.type in ("html_block", "code_block", "fence"):
            yield Block("paragraph", token.content)


def _plain(token: Token) -> str:
    return "".join(" " if child.type.endswith("break") else child.content for child in token.children or ())
