localrules:
    snapshot,
    crate,
    audit_page,


# What an audit needs beside the results. After the downloads, whose digests may have been recorded on first use.
rule snapshot:
    input:
        configuration=f"config/{config['suite']}.yaml",
        published=SUITE.published,
        downloads=[PATHS.source(name) for name in SOURCES],
    output:
        multiext(f"{RESULTS}/", *VERBS["snapshot"].outputs),
    log:
        "<logs>/snapshot.log",
    benchmark:
        "<benchmarks>/snapshot.tsv"
    conda:
        environment_of("snapshot")
    resources:
        **resources_of("snapshot"),
    params:
        options=JOBS.options("snapshot", RESULTS / paths.SUITE),
    message:
        f"Keep the configuration of {RESULTS.name} with its results"
    shell:
        "python -m odelt --log {log} snapshot {params.options}"


# Of everything that has a record, so after all that is published and all that this is made from.
rule crate:
    input:
        rules.publish.input,
        JOBS.of_all(inputs.chain),
        rules.snapshot.output,
        workflow=["Snakefile", *sorted(map(str, pathlib.Path("workflow", "rules").glob("*.smk")))],
    output:
        directory(PATHS.crate),
    log:
        "<logs>/crate.log",
    benchmark:
        "<benchmarks>/crate.tsv"
    conda:
        environment_of("crate")
    resources:
        **resources_of("crate"),
    params:
        options=JOBS.options("crate", PATHS.crate),
    message:
        f"The results of {RESULTS.name} as an RO-Crate"
    shell:
        "python -m odelt --log {log} crate {params.options}"


# The last of all: it audits whatever is published, and shows it.
rule audit_page:
    input:
        rules.publish.input,
        rules.snapshot.output,
        rules.crate.output,
    output:
        page=PATHS.audit_page,
        brief=PATHS.audit,
    log:
        "<logs>/audit_page.log",
    benchmark:
        "<benchmarks>/audit_page.tsv"
    conda:
        environment_of("audit-page")
    resources:
        **resources_of("audit-page"),
    params:
        options=JOBS.options("audit-page", PATHS.audit_page),
    message:
        "Audit the suite and write its page: {output.page}"
    shell:
        "python -m odelt --log {log} audit-page {params.options}"
