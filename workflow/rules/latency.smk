# The latency study: time and memory with random weights. It belongs to no suite; `snakemake latency` makes it, and
# `--config latency=FILE` another one, in a folder with the file's name.
STUDY_FILE = config.get("latency", "config/latency.yaml")
STUDY = doctor.latency_study_or_exit(STUDY_FILE)
STUDY_RESULTS = f"results/{pathlib.Path(STUDY_FILE).stem}"
# A machine that only sends jobs has no GPU itself, and they need one all the same.
STUDY_GPUS = 0 if workflow.local_exec and not devices.inventory() else 1


rule latency:
    input:
        multiext(f"{STUDY_RESULTS}/latency", ".md", ".csv", ".svg"),


rule latency_snapshot:
    input:
        study=STUDY_FILE,
        published="config/reference.yaml",
    output:
        study=f"{STUDY_RESULTS}/study.yaml",
        published=f"{STUDY_RESULTS}/reference.yaml",
    log:
        f"{STUDY_RESULTS}/logs/latency_snapshot.log",
    benchmark:
        f"{STUDY_RESULTS}/benchmarks/latency_snapshot.tsv"
    retries: 0
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
        gpu=0,
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
        f"{STUDY_RESULTS}/{{network}}/{{length}}.json",
    log:
        f"{STUDY_RESULTS}/logs/{{network}}/{{length}}.log",
    benchmark:
        f"{STUDY_RESULTS}/benchmarks/{{network}}/{{length}}.tsv"
    wildcard_constraints:
        network=one_of(STUDY.networks),
    retries: STUDY_GPUS
    conda:
        "../../envs/jax.yaml"
    # On a processor all cores, so that nothing else runs while it measures; a GPU is the job's own anyway.
    threads: 1 if STUDY_GPUS else CORES
    resources:
        mem_mb=16000,
        runtime=60,
        gpu=STUDY_GPUS,
    params:
        length=lambda w: length_argument(timed_length(w)),
    message:
        "Time {wildcards.network} at length {wildcards.length}, with random weights"
    shell:
        "python -m odelt --log {log} latency-study --settings {input} --network {wildcards.network}"
        " --length {params.length} --out {output}"


rule latency_table:
    input:
        measured=[
            f"{STUDY_RESULTS}/{name}/{grid.length_name(length)}.json"
            for name, studied in STUDY.networks.items()
            for length in (None, *studied.network.lengths)
        ],
        study=rules.latency_snapshot.output.study,
        published=rules.latency_snapshot.output.published,
    output:
        table=f"{STUDY_RESULTS}/latency.md",
        files=multiext(f"{STUDY_RESULTS}/latency", ".csv", ".html", ".svg", ".png"),
    log:
        f"{STUDY_RESULTS}/logs/latency_table.log",
    benchmark:
        f"{STUDY_RESULTS}/benchmarks/latency_table.tsv"
    retries: 0
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        results=subpath(output.table, parent=True),
    message:
        "The latency study's table: {output.table}"
    shell:
        "python -m odelt --log {log} latency-table --settings {input.study} --results {params.results}"
        " --published {input.published} --out {params.results}"
