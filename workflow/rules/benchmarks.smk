# Tables and figures of the speeds that were measured: they belong to no suite, and measuring is no job of the workflow.
rule benchmarks_report:
    input:
        sorted(pathlib.Path("benchmarks/results").glob("*.json")),
    output:
        multiext("results/benchmarks/", "table.md", "table.csv", "throughput.svg", "throughput.png"),
    log:
        "results/benchmarks/table.log",
    benchmark:
        "results/benchmarks/table.tsv"
    conda:
        "../../envs/jax.yaml"
    resources:
        **resources_of("figures"),
    params:
        out=subpath(output[0], parent=True),
    message:
        "Table and figure of the measured speeds"
    shell:
        "python benchmarks/table.py --out {params.out} 2> {log}"
