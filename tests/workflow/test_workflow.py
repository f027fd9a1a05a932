"""The real workflow, on a suite cut down from mini.yaml, as a user runs it."""

import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from odelt.planning import last_line

LABELS = ("SM", "ODE_t(ODE_l)")
SUFFIXES = ("csv", "md", "html", "json")  # of the verdicts
ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.workflow


def tiny_suite(steps: int = 80) -> dict:
    """mini.yaml with a smaller network, fewer steps and samples, and two values on each axis of the grid."""
    suite = yaml.safe_load((ROOT / "config" / "mini.yaml").read_text(encoding="utf-8"))
    digits = suite["experiments"]["digits"]
    digits["network"] = {"width": 16, "heads": 2, "depth": 2, "group": 1, "min_length": 1}
    for model in digits["models"].values():
        model["training"] |= {
            "steps": steps,
            "warmup_steps": 5,
            "batch_size": 16,
            "checkpoint_every": 4,
            "log_every": 20,
        }
    del digits["models"]["sm-ft"]
    digits["features"] = {"hidden": 8, "epochs": 3}
    grid = [{"models": ["sm", "odelt"], "solvers": ["euler:1", "euler:4"]}]
    digits["evaluation"] = {"samples": 70, "latency": {"batch_size": 64, "repeats": 2, "seconds": 1}, "grid": grid}
    return suite


@pytest.fixture(scope="module")
def make_checkout(tmp_path_factory):
    """A function that makes a folder with the workflow and the tiny suite, as a user's checkout has them."""

    def make(name: str, steps: int = 80) -> pathlib.Path:
        folder = tmp_path_factory.mktemp(name)
        for part in ("Snakefile", "workflow", "profiles", "config", "envs"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(tiny_suite(steps)), encoding="utf-8")
        (folder / "config" / "config.yaml").write_text("suite: tiny\n", encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="module")
def checkout(make_checkout):
    """A checkout in which everything has been made."""
    folder = make_checkout("whole")
    told = snakemake(folder)
    assert told.returncode == 0, told.stderr
    return folder


def start(folder: pathlib.Path, *arguments: str) -> subprocess.Popen:
    """Snakemake in a process group of its own, as a shell starts it; not with an activated environment."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **streams)


def snakemake(folder: pathlib.Path, *arguments: str, seconds: float = 1200) -> subprocess.CompletedProcess:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=seconds)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def results(folder: pathlib.Path) -> pathlib.Path:
    return folder / "results" / "tiny" / "digits"


TABLE = ("md", "csv", "links.json", "html")


def test_everything_is_made(checkout):
    expected = [
        *(
            f"tables/{name}.{kind}"
            for name in ("main", "grid", "trade-off")
            for kind in ("md", "csv", "links.json", "html")
        ),
        *(
            f"figures/{name}.{kind}"
            for name in ("scaling", "scaling-flops", "samples", "training")
            for kind in ("svg", "png")
        ),
        *(f"models/{name}/model.safetensors" for name in ("sm", "odelt")),
    ]
    of_suite = ("report.html", "crate/ro-crate-metadata.json", "audit.html", "audit.yaml")
    of_suite += tuple(f"verdicts.{kind}" for kind in SUFFIXES)
    for path in (*expected, *(f"../{name}" for name in of_suite)):
        assert (results(checkout) / path).stat().st_size > 0, path
    assert not list((checkout / "results" / "tiny").glob("claims*"))  # no abstract claims anything of the digits
    grid = (results(checkout) / "tables" / "grid.csv").read_text(encoding="utf-8")
    assert len(grid.splitlines()) == 1 + 2 + 2 * 2 and "not run" not in grid
    assert not (checkout / "results" / "tiny" / "checkpoints").exists() or not any(
        (checkout / "results" / "tiny" / "checkpoints").rglob("steps")
    )


def test_again_there_is_nothing_to_be_done(checkout):
    assert "Nothing to be done" in snakemake(checkout).stderr


def test_the_report_shows_tables_and_figures(checkout):
    page = (checkout / "results" / "tiny" / "report.html").read_text(encoding="utf-8")
    for name in ("grid.html", "trade-off.html", "scaling.svg", "samples.svg", "training.svg"):
        assert name in page
    assert "every grid point" in page and "quality against latency" in page


def test_the_report_begins_with_the_verdicts_summary_and_leads_to_the_audit(checkout):
    page = (checkout / "results" / "tiny" / "report.html").read_text(encoding="utf-8")
    told = json.loads((checkout / "results" / "tiny" / "verdicts.json").read_text(encoding="utf-8"))["verdicts"]
    first_page = page.partition("workflow_desc = ")[2].partition("</script>")[0]
    assert "numbers of an earlier run of this project" in told["summary"] and told["summary"] in first_page
    assert told["against"] in first_page
    for table in ("verdicts", *(f"digits/{name}" for name in ("main", "grid", "trade-off"))):
        assert f"audit.html#table={table}" in page
    assert '{"All verdicts": ' in page and "every published number" in page


def test_a_missing_score_is_remade_without_touching_its_siblings_records(checkout):
    """A job scores the sample sets of one model: their scores come out the same, and nothing else is written."""
    scores = sorted((results(checkout) / "scores" / "odelt").rglob("*.json"))
    scored = [path for path in scores if not path.name.endswith(".prov.json")]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in scores}
    scored[0].unlink()
    assert snakemake(checkout).returncode == 0
    for path in scores:
        content, written = before[path]
        assert path.read_bytes() == content
        assert path.stat().st_mtime_ns == written or path in scored, path


def test_only_the_records_of_what_is_made_again_change(checkout):
    """A lost score, and the tables that follow; what came out the same as before keeps its record."""
    records = {path: path.read_bytes() for path in (checkout / "results").rglob("*.prov.json")}
    score = results(checkout) / "scores" / "odelt" / "ema" / "l1" / "euler-1_w1.json"
    crate = checkout / "results" / "tiny" / "crate" / "ro-crate-metadata.json"
    before = crate.stat().st_mtime_ns
    score.unlink()
    assert snakemake(checkout).returncode == 0
    assert crate.stat().st_mtime_ns > before
    assert {path: path.read_bytes() for path in (checkout / "results").rglob("*.prov.json")} == records


def test_what_is_published_was_made_from_what_its_rule_names(checkout):
    """And from nothing else of the results: a stray score of an earlier grid gets into no table."""
    told = snakemake(checkout, "--detailed-summary").stdout.splitlines()
    columns = told[0].split("\t")
    lines = [dict(zip(columns, line.split("\t"), strict=True)) for line in told[1:]]
    asked = {line["output_file"]: set(line["input-file(s)"].split(",")) for line in lines}
    published = [*results(checkout).glob("tables/*.csv"), *results(checkout).glob("figures/*.png")]
    published.append(checkout / "results" / "tiny" / "verdicts.csv")
    for path in published:
        content = json.loads(path.with_name(f"{path.name}.prov.json").read_text(encoding="utf-8"))
        read = {f"results/tiny/{one['path']}" for one in content["inputs"] if not one["external"]}
        name = path.relative_to(checkout).as_posix()
        assert read and read <= asked[name], name


def test_a_file_that_is_made_alone_can_be_audited(make_checkout):
    folder = make_checkout("alone")
    target, kept = "results/tiny/datasets/digits/dataset.npz", folder / "results" / "tiny" / "suite.yaml"
    assert snakemake(folder, target, "--dry-run").returncode == 0 and not kept.exists()
    assert snakemake(folder, target).returncode == 0
    told = audit(folder, target)
    assert told.returncode == 0, told.stderr
    before = kept.stat().st_mtime_ns
    assert "Nothing to be done" in snakemake(folder, target).stderr
    snakemake(folder, "results/tiny/digits/features/network.safetensors")
    assert kept.stat().st_mtime_ns == before
    assert audit(folder, "results/tiny").returncode == 0
    suite = folder / "config" / "tiny.yaml"
    suite.write_text("# Another word on it.\n" + suite.read_text(encoding="utf-8"), encoding="utf-8")
    snakemake(folder, "results/tiny/digits/features/real.npz")
    assert kept.read_bytes() == suite.read_bytes() and audit(folder, "results/tiny").returncode == 0


def audit(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "odelt", "audit", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)


def test_everything_that_was_made_is_verified_also_where_it_is_copied_to(checkout, tmp_path):
    here = audit(checkout, "results/tiny")
    assert here.returncode == 0, here.stderr
    shutil.copytree(checkout / "results" / "tiny", tmp_path / "copied")
    there = audit(tmp_path, "copied")
    assert there.returncode == 0, there.stderr
    assert there.stdout.replace("copied", "results/tiny") == here.stdout


def test_another_sampler_makes_samples_stale_and_not_weights(checkout, tmp_path):
    today = tmp_path / "today"
    shutil.copytree(ROOT / "odelt", today / "odelt")
    shutil.copytree(checkout / "config", today / "config")
    fresh = audit(checkout, "results/tiny", "--against", str(today))
    assert fresh.returncode == 0 and fresh.stdout.endswith("nothing is stale\n"), fresh.stdout[-2000:]
    sampler = today / "odelt" / "sampling" / "sample_sets.py"
    sampler.write_text(sampler.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    told = audit(checkout, "results/tiny", "--against", str(today))
    lines = told.stdout.splitlines()
    stale = {line.split(": ")[1].removeprefix("results/tiny/digits/") for line in lines if line.startswith("stale: ")}
    assert told.returncode == 1
    assert {"samples/sm/ema/full/euler-1_w1.npz", "scores/odelt/ema/l1/euler-4_w1.json", "tables/grid.csv"} <= stale
    assert not any(path.startswith("models/") for path in stale)
    arguments = lines[-1].removeprefix("make again: snakemake ").split()
    planned = snakemake(checkout, *arguments, "--dry-run")
    planned = planned.stdout + planned.stderr
    assert "Generate the samples of digits/odelt\n" in planned and "Train" not in planned


def planned(folder: pathlib.Path, suite: dict) -> str:
    """What a dry run would make under a changed suite."""
    path = folder / "config" / "tiny.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(yaml.safe_dump(suite), encoding="utf-8")
    try:
        told = snakemake(folder, "--dry-run")
    finally:
        path.write_text(before, encoding="utf-8")
    return told.stdout + told.stderr


def test_another_solver_leaves_the_weights_alone(checkout):
    suite = tiny_suite()
    suite["experiments"]["digits"]["evaluation"]["grid"][0]["solvers"].append("euler:2")
    told = planned(checkout, suite)
    assert "Generate the samples of digits/odelt\n" in told and "Train" not in told


def test_other_training_settings_remake_that_model_only(checkout):
    suite = tiny_suite()
    suite["experiments"]["digits"]["models"]["odelt"]["training"]["learning_rate"] = 4e-3
    told = planned(checkout, suite)
    assert "Train digits/models/odelt" in told and "Train digits/models/sm\n" not in told


def test_a_grid_that_is_partly_run_says_not_run(make_checkout, checkout):
    folder = make_checkout("partly")
    shutil.copytree(results(checkout) / "scores" / "sm", results(folder) / "scores" / "sm")
    told = snakemake(folder, "so_far_digits")
    assert told.returncode == 0, told.stderr
    grid = (folder / "results" / "tiny" / "so-far" / "digits" / "tables" / "grid.md").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in grid.splitlines() if line.startswith("| ") and "---" not in line]
    distance = lines[0].index("Fréchet distance")
    not_run = {label: {line[distance] == "not run" for line in lines if line[0] == f"| {label}"} for label in LABELS}
    assert not_run == {"SM": {False}, "ODE_t(ODE_l)": {True}}


def test_killed_twice_in_training_and_started_again_it_ends_with_the_same_weights(make_checkout, checkout):
    """kill -9 of the whole run; the lock that it leaves does not stand in the way."""
    folder = make_checkout("killed")
    target = "results/tiny/digits/models/sm/model.safetensors"
    for after in (4, 40):
        process = start(folder, target)
        wait_for_a_step_after(folder, "sm", after)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert list((folder / ".snakemake" / "locks").iterdir())
    told = snakemake(folder, target)
    assert told.returncode == 0, told.stderr
    assert (folder / target).read_bytes() == (checkout / target).read_bytes()


def test_training_that_outlives_a_killed_workflow_is_not_done_again(make_checkout, checkout):
    """Snakemake takes what a job wrote after its death for incomplete, and removes it."""
    folder = make_checkout("orphan")
    target = "results/tiny/digits/models/sm/model.safetensors"
    process = start(folder, target)
    wait_for_a_step_after(folder, "sm", 4)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 120
    while not (folder / target).exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    told = snakemake(folder, target)
    assert told.returncode == 0 and "going on from step 80" in told.stderr, told.stderr
    assert (folder / target).read_bytes() == (checkout / target).read_bytes()
    assert not list((folder / "results").rglob("steps"))


def wait_for_a_step_after(folder: pathlib.Path, model: str, step: int) -> None:
    deadline = time.monotonic() + 120
    pattern = f"results/tiny/checkpoints/digits/{model}/*/steps/*"
    while not any(p.name.isdecimal() and int(p.name) > step for p in folder.glob(pattern)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_live_run_stands_in_the_way_and_ctrl_c_ends_it_with_one_line(make_checkout):
    folder = make_checkout("live", steps=5000)
    target = "results/tiny/digits/models/sm/model.safetensors"
    process = start(folder, target)
    wait_for_a_step_after(folder, "sm", 0)
    second = snakemake(folder, target)
    assert second.returncode != 0
    assert second.stderr.splitlines()[-1] == f"odelt: {last_line.LOCKED}"
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1 and not out
    assert err.splitlines()[-1] == f"odelt: {last_line.INTERRUPTED}"
    assert "Traceback" not in err


def test_ctrl_c_before_the_first_job_is_one_line_too(make_checkout):
    process = start(make_checkout("early"))
    assert any("Config file" in line for line in process.stderr)  # the Snakefile has been read
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in err
    assert err.splitlines()[-1] == f"odelt: {last_line.INTERRUPTED}"


def test_an_unknown_target_ends_with_the_nearest_one(make_checkout):
    told = snakemake(make_checkout("unknown"), "results/tiny/digits/tables/gird.md")
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].endswith("did you mean 'results/tiny/digits/tables/grid.md'?")


def test_a_failed_jobs_message_is_the_last_line(make_checkout):
    folder = make_checkout("failing")
    suite = tiny_suite()
    image = folder / "downloads" / "flowers" / "bright" / "1.png"
    flowers = {"name": "flowers", "kind": "folder", "path": "downloads/flowers", "image": [8, 8], "classes": 1}
    suite["experiments"]["digits"]["dataset"] = flowers
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    image.parent.mkdir(parents=True)
    image.write_text("no image", encoding="utf-8")
    told = snakemake(folder, "results/tiny/datasets/flowers/dataset.npz")
    assert told.returncode == 1 and not told.stdout
    assert told.stderr.splitlines()[-1].startswith("odelt: downloads/flowers/bright/1.png is not a readable image")


def test_a_lock_is_of_the_living_as_long_as_one_of_them_is_there(tmp_path):
    """Two processes may share a folder; the leftovers go only when neither is there."""
    program = "import pathlib, sys; from odelt.machine.alive import enter; enter(pathlib.Path(sys.argv[1])); print(1)"
    locks = tmp_path / "locks"
    locks.mkdir()
    (locks / "0.input.lock").touch()
    with (tmp_path / "alive").open("w", encoding="utf-8") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        subprocess.run([sys.executable, "-c", program, tmp_path], check=True, capture_output=True)
        assert list(locks.iterdir())
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, capture_output=True)
    assert not list(locks.iterdir())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--config", "suite=tini"), "there is no suite 'tini' (config/tini.yaml); did you mean 'tiny'?"),
        (("--config", "suit=tiny"), "unknown configuration key 'suit'; did you mean 'suite'?"),
    ],
)
def test_a_wrong_configuration_stops_in_one_line_with_status_two(checkout, arguments, message):
    told = snakemake(checkout, *arguments)
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1] == f"odelt: {message}"
    assert "Traceback" not in told.stderr


def test_a_misspelt_key_of_the_suite_stops_in_one_line_with_status_two(make_checkout):
    folder = make_checkout("misspelt")
    suite = tiny_suite()
    suite["experiments"]["digits"]["evaluation"]["grid"][0]["solver"] = ["euler:1"]
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    told = snakemake(folder)
    assert told.returncode == 2
    expected = (
        "odelt: config/tiny.yaml: unknown key 'experiments.digits.evaluation.grid.0.solver'; did you mean 'solvers'?"
    )
    assert told.stderr.splitlines()[-1] == expected
