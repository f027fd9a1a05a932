localrules:
    fetch,  # where Snakemake runs: a cluster's nodes may have no network
    fetch_repository,


# Downloads (SPEC 8). Snakemake need not look at a digest: `fetch` verifies it, or notes it at the first download.
rule fetch:
    output:
        PATHS.download("{source}", "{file}"),
    log:
        "<logs>/sources/{source}/{file}.log",
    benchmark:
        "<benchmarks>/sources/{source}/{file}.tsv"
    wildcard_constraints:
        source=one_of(name for name in SOURCES if PATHS.registry[name].file),
        file="[^/]+",
    retries: 0  # `fetch` itself tries again where that helps
    conda:
        environment_of("fetch")
    resources:
        **resources_of("fetch"),
    params:
        options=JOBS.options("fetch", PATHS.download("{source}", "{file}")),
        suite=config["suite"],  # another proxy or folder, which the suite names, downloads nothing anew
    message:
        "Download {wildcards.source}"
    shell:
        "python -m odelt --log {log} fetch {params.options} --suite {params.suite}"


use rule fetch as fetch_repository with:
    output:
        directory(PATHS.download("{source}", None)),
    log:
        "<logs>/sources/{source}.log",
    benchmark:
        "<benchmarks>/sources/{source}.tsv"
    wildcard_constraints:
        source=one_of(name for name in SOURCES if not PATHS.registry[name].file),
    params:
        options=JOBS.options("fetch", PATHS.download("{source}", None)),


rule import_checkpoint:
    input:
        lambda w: PATHS.source(RUNS[w.downloaded].source),
    output:
        [RESULTS / "{downloaded}" / name for name in VERBS["import-checkpoint"].outputs],
    log:
        "<logs>/{downloaded}.log",
    benchmark:
        "<benchmarks>/{downloaded}.tsv"
    conda:
        environment_of("import-checkpoint")
    resources:
        **resources_of("import-checkpoint"),
    params:
        out=subpath(output[0], parent=True),
        options=JOBS.options("import-checkpoint", RESULTS / "{downloaded}" / model_directory.WEIGHTS),
    message:
        "Make the model directory {wildcards.downloaded} from {input}"
    shell:
        "python -m odelt --log {log} import-checkpoint {input} {params.options}"
