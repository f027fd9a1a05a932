"""Labels, notes and titles are outside text: pages, tables, spreadsheets and figures show them and do nothing more."""

import csv
import dataclasses
import json
import re

import pytest
from celebahq import REFERENCES, rows_of, whole_run
from markdown_it import MarkdownIt

from odelt.publishing import figures, main_table, pages, tables, text, verdict_table

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
    html = pages.MARKDOWN.render(text.markdown([{"model": outside, "FID": "-1.50"}]))
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


def test_every_number_of_a_table_is_linked_by_its_text_also_below_hostile_labels(tmp_path):
    made = rows_of(whole_run(tmp_path))
    names = list(dict.fromkeys(row.label for row in made))
    labels = {name: f"{HOSTILE[k]} =\n{HOSTILE[k - 4]}" for k, name in enumerate(names)}
    made = [dataclasses.replace(row, label=labels[row.label]) for row in made]
    tables.write_grid(made, REFERENCES, tmp_path / "grid")
    tables.write_trade_off(made, REFERENCES, tmp_path / "trade-off")
    main_table.write_main(made, REFERENCES, tmp_path / "main")
    verdict_table.write_verdicts(made, REFERENCES, tmp_path / "verdicts")
    for name in ("grid", "trade-off", "main", "verdicts"):
        html = pages.MARKDOWN.render((tmp_path / f"{name}.md").read_text(encoding="utf-8"))
        read = [
            [re.findall("<td>(.*)</td>", line) for line in table.split("</tr>")[1:-1]]
            for table in html.split("</table>")[:-1]
        ]
        content = json.loads((tmp_path / f"{name}.links.json").read_text(encoding="utf-8"))
        assert content["links"] and content["published"]
        for link in content["links"]:
            assert read[link["table"]][link["line"]][link["column"]] == link["text"]
            assert link["files"] == ["reference.yaml"] or all((tmp_path / file).is_file() for file in link["files"])


def test_a_label_in_a_figure_is_no_formula(tmp_path):
    label = r"$\nonsense{$ costs $5 <b>&"
    row = next(row for row in rows_of(whole_run(tmp_path)) if row.cell.length == 8)
    figures.scaling([dataclasses.replace(row, label=label)], tmp_path / "scaling")
    shown = label.replace("$", r"\$").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"<!-- {shown}, $l = 8$ -->" in (tmp_path / "scaling.svg").read_text(encoding="utf-8")
