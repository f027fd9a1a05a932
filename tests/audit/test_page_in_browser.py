"""The audit page in Debian's Chromium, from disk and without a network, as a stranger uses it."""

import contextlib
import json
import pathlib
import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from odelt import cli
from odelt.audit import page

pytest_plugins = ("finished",)
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium (apt-get install chromium)")

SCORE = "digits/scores/released/ema/l1/euler-1_w1.json"
GRID = "section[data-table='digits/grid']"
COMMAND = f"snakemake --cores all --config suite=tiny --force results/tiny/{SCORE}"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address(whole, tmp_path_factory):
    """The page of the finished folder, somewhere else on the disk."""
    out = tmp_path_factory.mktemp("page") / "audit.html"
    with contextlib.chdir(out.parent):
        assert cli.main(["audit-page", "--suite", "tiny", "--results", str(whole), "--out", str(out)]) == 0
    return out.as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """Opens the page (or another); whatever it asks of a network, and whatever goes wrong in it, fails the test."""
    contexts, faults = [], []

    def open_page(fragment="", at=None, viewport=DESKTOP, **options):
        context = browser.new_context(viewport=viewport, offline=True, **options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        view = context.new_page()
        view.on("request", lambda request: faults.append(request.url) if not request.url.startswith("file:") else None)
        view.on("pageerror", lambda error: faults.append(str(error)))
        view.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        view.goto((at or address) + fragment)
        return view

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def number(view):
    """The Fréchet distance of the released model, in the grid."""
    return view.locator(f"{GRID} tr", has_text="released").locator("button.number").nth(1)


def titles(view) -> list[str]:
    """The steps of the open chain."""
    return [told.splitlines()[0] for told in view.locator("#panel h4").all_inner_texts()]


def focused(view) -> str:
    return view.evaluate("document.activeElement.textContent")


def test_the_page_tells_what_was_verified_and_how_to_check_it(opened, whole):
    view = opened()
    head = view.locator("header").inner_text()
    assert view.locator("h1").inner_text() == "tiny"
    assert re.search(r"\d\d files verified, 0 not\.", head) and "odelt audit results/tiny" in head
    assert re.search(r"[0-9a-f]{64}", head)
    assert view.locator("h2").all_inner_texts() == [
        *(
            "digits: main table",
            "digits: every grid point",
            "digits: steps against blocks",
            "Claims",
            "Verdicts",
            "Files",
        ),
    ]


def test_a_number_opens_its_chain_down_to_the_download(opened):
    view = opened()
    shown = number(view).inner_text()
    number(view).click()
    panel = view.locator("#panel")
    assert (
        panel.locator("#panel-title").inner_text() == "Fréchet distance"
        and panel.locator(".value strong").inner_text() == shown
    )
    assert titles(view)[:5] == ["Score", "Features", "Samples", "Imported checkpoint: released", "Download"]
    download = panel.locator("li", has=view.locator("h4", has_text="Download")).last
    told = download.inner_text()
    assert "MIT" in told and "https://example.org/g2_odelt_checkpoint.pkl" in told and "verified" in told
    download.locator("details").first.locator("summary").click()
    assert re.search(r"[0-9a-f]{64}", download.inner_text())


def test_a_chain_is_followed_step_by_step_and_back(opened):
    view = opened()
    number(view).click()
    view.locator("#panel .line > button.path", has_text="released/model.safetensors").first.click()
    assert titles(view)[:2] == ["Imported checkpoint: released", "Download"]
    view.locator("#panel .line > button.path", has_text="sources/released").first.click()
    assert titles(view) == ["Download"] and view.url.endswith("#file=sources/released/g2_odelt_checkpoint.pkl")
    view.go_back()
    assert titles(view)[:2] == ["Imported checkpoint: released", "Download"]


def test_back_after_closing_reopens_the_number_and_not_its_file_alone(opened):
    view = opened()
    shown = number(view).inner_text()
    number(view).click()
    view.keyboard.press("Escape")
    expect(view).not_to_have_url(re.compile("file="))  # the dialog tells of its end a moment later
    view.go_back()
    expect(view.locator("#panel-title")).to_have_text("Fréchet distance")
    assert view.locator("#panel .value strong").inner_text() == shown
    view.locator("#panel .line > button.path", has_text="released/model.safetensors").first.click()
    expect(view.locator("#panel-title")).to_have_text("Imported checkpoint: released")
    view.go_back()
    expect(view.locator("#panel-title")).to_have_text("Fréchet distance")


def test_heads_do_not_break_around_an_equals_sign(opened):
    view = opened()
    heads = [text for text in view.locator("thead th").all_text_contents() if "=" in text]
    assert heads and not any(" = " in text for text in heads)


def test_forged_verdicts_are_told_as_not_verified(opened, results, tmp_path):
    (results / "verdicts.json").write_text(
        json.dumps({"verdicts": {"summary": "All reproduced.", "rule": "any"}}), encoding="utf-8"
    )
    out = tmp_path / "audit.html"
    assert cli.main(["audit-page", "--suite", "tiny", "--results", str(results), "--out", str(out)]) == 0
    view = opened(at=out.as_uri())
    told = view.locator("header .warning").inner_text()
    assert told.startswith("The verdicts are not verified: verdicts.json is not what was recorded.")
    assert "All reproduced." in told and view.locator("header .summary").count() == 0


def test_a_training_run_shows_its_seed_its_settings_and_its_loss(opened):
    view = opened("#file=digits/models/odelt/model.safetensors")
    card = view.locator("#panel li", has_text="Training run: odelt").first
    told = card.inner_text()
    assert re.search(r"Seed\s+10", told) and re.search(r"Steps\s+2\b", told)
    assert "at step 2" in card.locator("svg").get_attribute("aria-label")
    card.locator("summary", has_text="How: odelt train").click()
    assert "jax" in card.inner_text() and "training.batch_size" in card.inner_text()


@pytest.mark.parametrize("allowed", [True, False])
def test_the_command_that_makes_a_number_again_is_copied(opened, allowed):
    view = opened(permissions=["clipboard-read", "clipboard-write"])
    if not allowed:
        view.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    number(view).click()
    assert view.locator("#panel .again code").first.inner_text() == COMMAND
    button = view.locator("#panel .again button.copy")
    button.click()
    expect(button).to_have_text("Copied")
    assert view.evaluate("navigator.clipboard.readText()") == COMMAND


def test_search_finds_rows_and_files_by_model_solver_path_and_hash(opened, whole):
    view = opened()
    rows = view.locator(f"{GRID} tbody tr:visible")
    sha256 = json.loads((whole / f"{SCORE}.prov.json").read_text(encoding="utf-8"))["output"]["sha256"]
    for wanted, count in {"released": 1, "odelt euler:2": 1, sha256[:10]: 1, SCORE: 1, "euler:": 3}.items():
        view.fill("#search", wanted)
        assert rows.count() == count, wanted
    view.fill("#search", "no such thing")
    assert view.locator("main section:visible").count() == 0
    assert view.locator("#match-count").inner_text() == "0 rows, 0 files"
    view.keyboard.press("Escape")
    assert rows.count() == 3


def test_everything_is_done_with_the_keyboard(opened):
    view = opened()
    view.keyboard.press("/")
    view.keyboard.type("released")
    for _ in range(40):
        view.keyboard.press("Tab")
        if view.evaluate(f"document.activeElement.matches({json.dumps(GRID + ' button.number')})"):
            break
    assert focused(view) == "1"  # evaluations: the first linked number of the one row that was found
    assert view.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    view.keyboard.press("ArrowRight")
    wanted = focused(view)
    view.keyboard.press("Enter")
    view.wait_for_selector("#panel[open]")
    assert wanted == view.locator(".value strong").inner_text() and focused(view) == "Fréchet distance"
    view.keyboard.press("Tab")
    assert focused(view) == "Close"
    view.keyboard.press("Escape")
    assert not view.locator("#panel").is_visible() and focused(view) == wanted


def test_arrows_walk_through_the_cells_of_a_table(opened):
    view = opened()
    first = view.locator(f"{GRID} button.number").first
    first.focus()
    walked = [view.evaluate("document.activeElement.closest('tr').rowIndex")]
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        view.keyboard.press(key)
        walked.append(view.evaluate("document.activeElement.closest('tr').rowIndex"))
    assert walked == [1, 2, 3, 3, 2]
    assert view.locator(f"{GRID} button[tabindex='0']").count() == 1


@pytest.mark.parametrize("table", ["digits/main", "digits/grid", "digits/trade-off", "claims"])
def test_an_address_leads_to_a_table(opened, table):
    view = opened(f"#table={table}")
    heading = view.locator(f"section[data-table='{table}'] h2")
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_on_a_phone(opened, scheme):
    view = opened(viewport=PHONE, color_scheme=scheme, has_touch=True)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert view.evaluate(fits)
    number(view).tap()
    view.wait_for_selector("#panel[open]")
    box = view.locator("#panel").bounding_box()
    assert (box["x"], box["width"]) == (0, PHONE["width"]) and view.evaluate(fits)
    assert view.evaluate("(panel => panel.scrollWidth <= panel.clientWidth)(document.getElementById('panel'))")
    view.keyboard.press("Escape")
    assert not view.locator("#panel").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(opened, scheme):
    view = opened(color_scheme=scheme)
    grounds = [
        view.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", name)
        for name in ("--paper", "--raised", "--sunk")
    ]
    assert (luminance(grounds[0]) < 0.1) == (scheme == "dark")
    pairs = [(ink, ground) for ink in ("--ink", "--soft", "--link", "--good", "--bad") for ground in grounds]
    colour = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    pairs += [(f"--{name}", view.evaluate(colour, f"--{name}-back")) for name in ("good", "bad", "other")]
    for ink, ground in pairs:
        assert contrast(view.evaluate(colour, ink), ground) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def content(address: str) -> dict:
    text = pathlib.Path(address.removeprefix("file://")).read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.S)[1])


def test_numbers_that_differ_are_marked_in_words_with_what_is_published(opened, address, tmp_path):
    told = content(address)
    said = {"published": "0.5", "published_std": "", "published_source": "sm_readme", "published_statistics": "ours"}
    said |= {"published_ambiguous": "", "published_others": "", "difference": "0.35", "verdict": "differs (worse)"}
    told["published"] = [said]
    (table,) = [one for one in told["tables"] if one["id"] == "digits/grid"]
    row = next(block for block in table["blocks"] if block["kind"] == "table")["rows"][-1]
    row[-1] = "differs (worse)"
    row[7][3] = 0
    (tmp_path / "audit.html").write_text(page.render(told), encoding="utf-8")
    view = opened(at=(tmp_path / "audit.html").as_uri())
    assert view.locator(f"{GRID} td strong").inner_text() == "differs (worse)"
    number(view).click()
    published = view.locator("#panel .published").inner_text()
    assert "Shortcut models, README" in published and "6010043" in published and "differs (worse)" in published


def test_what_is_broken_is_told_and_hostile_text_is_shown_as_text(opened, results, edit, tmp_path):
    hostile = "</script><img src=x onerror=alert(1)><script>alert(2)</script>"
    edit(SCORE, lambda content: content["parameters"].update({"facts": hostile}))
    (results / "digits/models/released/model.safetensors").write_bytes(b"other")
    out = tmp_path / "audit.html"
    assert cli.main(["audit-page", "--suite", "tiny", "--results", str(results), "--out", str(out)]) == 0
    view = opened(at=out.as_uri())
    assert "model.safetensors: is not what was recorded" in view.locator("header .problems").inner_text()
    assert "not verified" in number(view).locator("xpath=..").inner_text()
    number(view).click()
    assert "is not what was recorded" in view.locator("#panel .chain").first.inner_text()
    view.locator("#panel summary", has_text="How: odelt score").click()
    assert hostile in view.locator("#panel").inner_text()
    assert view.locator("img").count() == 0
