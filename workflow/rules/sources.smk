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
    threads: 1
    resources:
        **resources_of(mem_mb=2000, minutes=720),
    params:
        options=options_of("fetch", PATHS.download("{source}", "{file}")),
        suite=config["suite"],  # another proxy or folder, which the suite names, downloads nothing anew
    message:
        "Download {wildcards.source}"
    shell:
        "python -m odelt --log {log} fetch {params.options} --suite {params.suite}"


rule fetch_repository:
    output:
        directory(PATHS.download("{source}", None)),
    log:
        "<logs>/sources/{source}.log",
    benchmark:
        "<benchmarks>/sources/{source}.tsv"
    wildcard_constraints:
        source=one_of(name for name in SOURCES if not PATHS.registry[name].file),
    retries: 0  # `fetch` itself tries again where that helps
    conda:
        environment_of("fetch")
    threads: 1
    resources:
        **resources_of(mem_mb=2000, minutes=720),
    params:
        options=options_of("fetch", PATHS.download("{source}", None)),
        suite=config["suite"],  # another proxy or folder, which the suite names, downloads nothing anew
    message:
        "Download {wildcards.source}"
    shell:
        "python -m odelt --log {log} fetch {params.options} --suite {params.suite}"


rule import_checkpoint:
    input:
        lambda w: PATHS.source(run_of(w.downloaded)[1].settings.source),
    output:
        [RESULTS / "{downloaded}" / name for name in VERBS["import-checkpoint"].outputs],
    log:
        "<logs>/{downloaded}.log",
    benchmark:
        "<benchmarks>/{downloaded}.tsv"
    retries: RETRIES
    conda:
        environment_of("import-checkpoint")
    threads: 1
    resources:
        **resources_of(mem_mb=32000),
    params:
        out=subpath(output[0], parent=True),
        options=options_of("import-checkpoint", RESULTS / "{downloaded}" / model_directory.WEIGHTS),
    message:
        "Make the model directory {wildcards.downloaded} from {input}"
    shell:
        "python -m odelt --log {log} import-checkpoint {input} {params.options}"
