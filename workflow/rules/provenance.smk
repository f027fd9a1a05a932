# What an audit needs beside the results. After the downloads, whose digests may have been recorded on first use.
rule snapshot:
    input:
        configuration=f"config/{config['suite']}.yaml",
        published="config/reference.yaml",
        downloads=[PLACES.source(name) for name in SOURCES],
    output:
        multiext("<results>/", "suite.yaml", "sources.lock.yaml", "sources.yaml", "reference.yaml"),
    log:
        "<logs>/snapshot.log",
    benchmark:
        "<benchmarks>/snapshot.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
        gpu=0,
    params:
        suite=config["suite"],
        out=subpath(output[0], parent=True),
    message:
        "Keep the configuration of {params.suite} with its results"
    shell:
        "python -m odelt --log {log} snapshot --suite {params.suite} --out {params.out}"


# Of everything that has a record, so after all that is published and all that this is made from.
rule crate:
    input:
        rules.publish.input,
        [path for name in EXPERIMENTS for path in chain_of(name)],
        rules.snapshot.output,
        workflow=["Snakefile", *sorted(map(str, pathlib.Path("workflow", "rules").glob("*.smk")))],
    output:
        directory("<results>/crate"),
    log:
        "<logs>/crate.log",
    benchmark:
        "<benchmarks>/crate.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        suite=config["suite"],
        results=subpath(output[0], parent=True),
    message:
        "The results of {params.suite} as an RO-Crate"
    shell:
        "python -m odelt --log {log} crate --suite {params.suite} --results {params.results} --out {output}"
