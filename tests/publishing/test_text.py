"""Labels, notes and titles are outside text: pages, tables, spreadsheets and figures show them and do nothing more."""

import csv
import re

import pytest
from celebahq import rows_of, whole_run
from markdown_it import MarkdownIt

from odelt.audit.page import cells, markdown
from odelt.evaluation.fid import FURTHER
from odelt.publishing import figures, main_table, pages, tables, text
from odelt.results import metrics

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[read me](javascript:alert(1))",
    "![seen](http://example.org/pixel.png)",
    "&lt;b&gt; &amp;",
    "a | b \\| c \\",
    "*a* _b_ __c__ `d` ~~e~~",
    "=1+1",
    "@SUM(A1)",
    "-2+3",
    "ODE_t(ODE_l), $x$ and 5 %",
]


def text_of(html: str) -> str:
    """What a reader sees of a page without any markup of its own."""
    assert not re.search(r"<(?!/?(p|html|body|table|thead|tbody|tr|th|td)\b)", html), html
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        html = html.replace(entity, character)
    return html


def body_of_page(folder, content: str) -> str:
    source = folder / "page.md"
    source.write_text(content, encoding="utf-8")
    pages.write_page(source)
    return (folder / "page.html").read_text(encoding="utf-8").partition("<body>\n")[2].partition("</body>")[0]


@pytest.mark.parametrize("content", ["<script>alert(1)</script>", "a <b onclick=alert(1)>b</b>", "[x](javascript:1)"])
def test_html_in_a_tables_markdown_shows_as_text_on_its_page(tmp_path, content):
    assert text_of(body_of_page(tmp_path, content)) == f"<p>{content}</p>\n"


@pytest.mark.parametrize("outside", [*HOSTILE, "1. a list", "# a heading", "- an item", "> a quotation", "--- a rule"])
def test_outside_text_in_a_paragraph_shows_as_it_is(tmp_path, outside):
    assert text_of(body_of_page(tmp_path, text.plain(outside))) == f"<p>{outside}</p>\n"


@pytest.mark.parametrize("outside", HOSTILE)
def test_outside_text_in_a_table_shows_as_it_is_in_one_cell(outside):
    html = MarkdownIt("commonmark").enable("table").render(text.markdown([{"model": outside, "FID": "-1.50"}]))
    assert re.findall("<td>(.*)</td>", text_of(html)) == [outside, "-1.50"]


def test_a_label_with_line_breaks_and_control_characters_is_one_line_everywhere(tmp_path):
    label = "a\nb\r\n\x1b[2J\u202ec"
    shown = "a b \\x1b[2J\\u202ec"
    assert text.in_csv(label) == shown
    assert MarkdownIt().render(text.plain(label)) == f"<p>{shown}</p>\n"
    assert text.in_figure(label) == shown


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1"])
def test_text_that_a_spreadsheet_would_calculate_has_an_apostrophe_before_it(tmp_path, cell):
    text.write_csv(tmp_path / "table", ["label", "difference"], [{"label": cell, "difference": -1.5}])
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row == {"label": f"'{cell.strip()}", "difference": "-1.5"}


def test_the_audit_page_finds_the_rows_of_tables_with_hostile_labels(tmp_path):
    made = rows_of(whole_run(tmp_path))
    names = list(dict.fromkeys(row["label"] for row in made))
    for row in made:
        row["label"] = HOSTILE[names.index(row["label"])] + " =\n" + HOSTILE[-4 + names.index(row["label"])]
    tables.write_grid(made, None, tmp_path / "grid")
    main_table.write_main(made, None, tmp_path / "main")
    grid = cells.read_csv((tmp_path / "grid.csv").read_text(encoding="utf-8"))
    for name in ("grid", "main"):
        rows = cells.read_csv((tmp_path / f"{name}.csv").read_text(encoding="utf-8"))
        blocks = markdown.blocks((tmp_path / f"{name}.md").read_text(encoding="utf-8"))
        linked = cells.link(name, blocks, rows, cells.Origins("celebahq-b", lambda path: True, grid))
        assert any(cell.files for table in linked.values() for line in table for cell in line)


def test_a_label_in_a_figure_is_no_formula(tmp_path):
    label = r"$\nonsense{$ costs $5 <b>&"
    row = {"label": label, "weights": "ema", "length": 2, "effective_blocks": 2, "solver": "euler:4", "d": None}
    row |= {"guidance": 1.0, "frechet_distance": 2.0, "latency_s": 0.1}
    figures.scaling([row], tmp_path / "scaling")
    shown = label.replace("$", r"\$").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"<!-- {shown}, $l = 2$ -->" in (tmp_path / "scaling.svg").read_text(encoding="utf-8")


def test_every_further_score_of_a_large_dataset_is_a_metric_of_the_tables():
    assert set(FURTHER) <= metrics.METRICS.keys()
