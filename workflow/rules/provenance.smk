# What an audit needs beside the results. After the downloads, whose digests may have been recorded on first use.
rule snapshot:
    input:
        configuration=f"config/{config['suite']}.yaml",
        published=SUITE.published,
        downloads=[PATHS.source(name) for name in SOURCES],
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


# The last of all: it audits whatever is published, and shows it.
rule audit_page:
    input:
        rules.publish.input,
        rules.snapshot.output,
        rules.crate.output,
    output:
        page="<results>/audit.html",
        brief="<results>/audit.yaml",
    log:
        "<logs>/audit_page.log",
    benchmark:
        "<benchmarks>/audit_page.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=0,
    params:
        suite=config["suite"],
        results=subpath(output.page, parent=True),
    message:
        "Audit the suite {params.suite} and write the page of it: {output.page}"
    shell:
        "python -m odelt --log {log} audit-page --suite {params.suite} --results {params.results} --out {output.page}"
