# Downloads (SPEC 8). Snakemake need not look at a digest: `fetch` verifies it, or notes it at the first download.
rule fetch:
    output:
        "<results>/sources/{source}/{file}",
    log:
        "<logs>/sources/{source}/{file}.log",
    benchmark:
        "<benchmarks>/sources/{source}/{file}.tsv"
    wildcard_constraints:
        source=one_of(name for name in SOURCES if PATHS.registry[name].file),
        file="[^/]+",
    retries: 0  # `fetch` itself tries again where that helps
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=720,
        gpu=0,
    params:
        suite=config["suite"],  # another proxy or folder, which the suite names, downloads nothing anew
    message:
        "Download {wildcards.source}"
    shell:
        "python -m odelt --log {log} fetch {wildcards.source} --suite {params.suite} --out {output}"


rule fetch_repository:
    output:
        directory("<results>/sources/{source}/files"),
    log:
        "<logs>/sources/{source}.log",
    benchmark:
        "<benchmarks>/sources/{source}.tsv"
    wildcard_constraints:
        source=one_of(name for name in SOURCES if not PATHS.registry[name].file),
    retries: 0  # `fetch` itself tries again where that helps
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=720,
        gpu=0,
    params:
        suite=config["suite"],  # another proxy or folder, which the suite names, downloads nothing anew
    message:
        "Download {wildcards.source}"
    shell:
        "python -m odelt --log {log} fetch {wildcards.source} --suite {params.suite} --out {output}"


rule import_checkpoint:
    input:
        lambda w: PATHS.source(run_of(w.downloaded)[1].settings.source),
    output:
        "<results>/{downloaded}/model.safetensors",
        "<results>/{downloaded}/config.json",
    log:
        "<logs>/{downloaded}.log",
    benchmark:
        "<benchmarks>/{downloaded}.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=32000,
        runtime=60,
        gpu=0,
    params:
        out=subpath(output[0], parent=True),
        options=import_arguments,
    message:
        "Make the model directory {params.out} from {input}"
    shell:
        "python -m odelt --log {log} import-checkpoint {input} --out {params.out} {params.options}"
