"""A table's Markdown as a page of its own, for the report."""

import html
import pathlib

from markdown_it import MarkdownIt

from odelt import files

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; color-scheme: light dark; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th { vertical-align: bottom; white-space: normal; }
th:first-child, td:first-child { text-align: left; }
p { max-width: 60rem; }
"""
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")  # HTML shows as text


def write_page(source: pathlib.Path) -> None:
    """Writes `<name>.html` beside a Markdown file. HTML in it shows as text, and nothing in it is run."""
    body = MARKDOWN.render(source.read_text(encoding="utf-8"))
    head = f'<meta charset="utf-8"><title>{html.escape(source.stem)}</title><style>{STYLE}</style>'
    files.write_text(
        source.with_suffix(".html"), f"<!doctype html>\n<html lang=en>{head}\n<body>\n{body}</body></html>\n"
    )
