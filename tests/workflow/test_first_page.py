"""The report's first page, as Snakemake renders it from what it is handed."""

import html
import pathlib
import types

import docutils.core
import jinja2
import pytest

TEMPLATE = pathlib.Path(__file__).parents[2] / "workflow" / "report" / "workflow.rst"
VERDICTS = {
    "summary": "31 of 45 published numbers reproduced; 9 not run; 5 differ.",
    "rule": "Within 5%.",
    "against": "A",
}
AUDIT = {"digest": "4a" * 32, "verified": 400, "removed": 3, "problems": 0}


def paragraphs(**handed) -> list[str]:
    """The page's paragraphs with these keys in the configuration."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    snakemake = types.SimpleNamespace(config={"suite": "mini", **handed})
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(snakemake=snakemake)
    page = docutils.core.publish_parts(text, writer="html", settings_overrides={"report_level": 1, "halt_level": 1})
    return [part.partition("</p>")[0] for part in page["body"].split("<p>")[1:]]


def test_a_report_that_is_handed_nothing_has_a_first_page():
    assert len(paragraphs()) == 2


def test_the_summary_comes_before_all_else_that_is_said_of_the_results():
    _, told, _ = paragraphs(verdicts=VERDICTS)
    assert told == f"<strong>{VERDICTS['summary']}</strong> Compared with: A. Within 5%."


@pytest.mark.parametrize("verdicts", [{}, VERDICTS])
def test_the_suites_digest_is_stated_beside_a_link_to_the_audit(verdicts):
    *_, told, digest, _ = paragraphs(verdicts=verdicts, audit=AUDIT)
    assert 'href="audit.html"' in told and AUDIT["digest"] in digest
    assert "400 files verified, 3 removed as temporary, 0 not verified" in told


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        "`read <javascript:alert(1)>`__",
        "one\n\n.. raw:: html\n\n   <script>alert(1)</script>",
        "ODE_t(ODE_l), *data* of `the` |figure|_",
    ],
)
def test_a_sources_title_is_text_and_no_markup(title):
    _, told, _ = paragraphs(verdicts={**VERDICTS, "against": title})
    shown = html.escape(" ".join(title.split()), quote=False)
    assert told.partition("Compared with: ")[2] == f"{shown}. Within 5%."
