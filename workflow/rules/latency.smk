# The latency study: time and memory with random weights. It belongs to no suite; `snakemake latency` makes it, and
# `--config latency=FILE` another one, in a folder with the file's name.
STUDY_FILE = config.get("latency", "config/latency.yaml")
STUDY = start.latency_study_or_exit(STUDY_FILE)
STUDY_RESULTS = pathlib.Path(paths.RESULTS, pathlib.Path(STUDY_FILE).stem)
STUDY_PATHS = paths.StudyPaths(STUDY_RESULTS)
STUDY_LOGS, STUDY_BENCHMARKS = STUDY_RESULTS / subfolders.LOGS, STUDY_RESULTS / subfolders.BENCHMARKS
# A machine that only sends jobs has no GPU itself, and they need one all the same.
STUDY_GPUS = 0 if workflow.local_exec and not devices.inventory() else 1


rule latency:
    input:
        STUDY_PATHS.tables,


rule latency_snapshot:
    input:
        study=STUDY_FILE,
        published="config/reference.yaml",
    output:
        study=STUDY_PATHS.study,
        published=STUDY_PATHS.published,
    log:
        f"{STUDY_LOGS}/latency_snapshot.log",
    benchmark:
        f"{STUDY_BENCHMARKS}/latency_snapshot.tsv"
    conda:
        environment_of("latency-snapshot")
    resources:
        **resources_of("latency-snapshot", large=False),
    params:
        out=subpath(output.study, parent=True),
    message:
        "Keep the configuration of the latency study with its results"
    shell:
        "python -m odelt --log {log} latency-snapshot --study {input.study} --published {input.published}"
        " --out {params.out}"


rule latency_study:
    input:
        rules.latency_snapshot.output.study,
    output:
        STUDY_PATHS.measured("{network}"),
    log:
        f"{STUDY_LOGS}/{{network}}.log",
    benchmark:
        f"{STUDY_BENCHMARKS}/{{network}}.tsv"
    wildcard_constraints:
        network=one_of(STUDY.networks),
    conda:
        environment_of("latency-study")
    # On a processor all cores, so that nothing else runs while it measures; a GPU is the job's own anyway.
    threads: 1 if STUDY_GPUS else CORES
    resources:
        **resources_of("latency-study", large=STUDY_GPUS),
    params:
        options=jobs.options("latency-study", STUDY_PATHS.measured("{network}"), None, STUDY_PATHS),
    message:
        "Time {wildcards.network} at every length, with random weights"
    shell:
        "python -m odelt --log {log} latency-study --settings {input} {params.options}"


rule latency_table:
    input:
        measured=[STUDY_PATHS.measured(name) for name in STUDY.networks],
        study=rules.latency_snapshot.output.study,
        published=rules.latency_snapshot.output.published,
    output:
        STUDY_PATHS.tables,
    log:
        f"{STUDY_LOGS}/latency_table.log",
    benchmark:
        f"{STUDY_BENCHMARKS}/latency_table.tsv"
    conda:
        environment_of("latency-table")
    resources:
        **resources_of("latency-table", large=False),
    params:
        results=subpath(output[0], parent=True),
    message:
        f"The table of the latency study in {STUDY_RESULTS}"
    shell:
        "python -m odelt --log {log} latency-table --settings {input.study} --results {params.results}"
        " --published {input.published} --out {params.results}"
