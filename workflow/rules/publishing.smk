# Minutes in all: no job of a cluster.
localrules:
    tables,
    main_table,
    verdicts,
    claims,
    figures,
    report,


rule tables:
    input:
        scores=JOBS.of_experiment(inputs.scores),
        codec=JOBS.codec_errors,
        published=SUITE.published,
    output:
        shown(ANY.table(paths.GRID, "html"), "every grid point"),
        shown(ANY.table(paths.TRADE_OFF, "html"), "steps against blocks"),
        [ANY.table(name, ending) for name in (paths.GRID, paths.TRADE_OFF) for ending in paths.TABLE_ENDINGS[1:]],
    log:
        "<logs>/{experiment}/tables.log",
    benchmark:
        "<benchmarks>/{experiment}/tables.tsv"
    conda:
        environment_of("tables")
    resources:
        **resources_of("tables"),
    params:
        options=JOBS.options("tables", ANY.table(paths.GRID, "md")),
        lock=JOBS.lock,
    message:
        "Tables of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} tables {params.options} {params.lock}" " --published {input.published}"


rule main_table:
    input:
        scores=JOBS.of_experiment(inputs.main_scores),
        codec=JOBS.codec_errors,
        published=SUITE.published,
    output:
        shown(ANY.table(paths.MAIN, "html"), "the paper's"),
        [ANY.table(paths.MAIN, ending) for ending in paths.TABLE_ENDINGS[1:]],
    log:
        "<logs>/{experiment}/main_table.log",
    benchmark:
        "<benchmarks>/{experiment}/main_table.tsv"
    conda:
        environment_of("main-table")
    resources:
        **resources_of("main-table"),
    params:
        options=JOBS.options("main-table", ANY.table(paths.MAIN, "md")),
        lock=JOBS.lock,
    message:
        "The main table of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} main-table {params.options} {params.lock}" " --published {input.published}"


# In the report's menu, which is in alphabetical order, what is over all experiments comes before each of them.
rule verdicts:
    input:
        scores=JOBS.of_all(inputs.scores),
        published=SUITE.published,
    output:
        shown(PATHS.table(paths.VERDICTS, "html"), "every published number"),
        [PATHS.table(paths.VERDICTS, ending) for ending in (*paths.TABLE_ENDINGS[1:], "json")],
    log:
        "<logs>/verdicts.log",
    benchmark:
        "<benchmarks>/verdicts.tsv"
    conda:
        environment_of("verdicts")
    resources:
        **resources_of("verdicts"),
    params:
        options=JOBS.options("verdicts", PATHS.table(paths.VERDICTS, "md")),
    message:
        "Compare every published number with the grid"
    shell:
        "python -m odelt --log {log} verdicts {params.options} --published {input.published}"


rule claims:
    input:
        scores=JOBS.of_all(inputs.scores),
        published=SUITE.published,
    output:
        shown(PATHS.table(paths.CLAIMS, "html"), "what the abstracts claim"),
        [PATHS.table(paths.CLAIMS, ending) for ending in paths.TABLE_ENDINGS[1:]],
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    conda:
        environment_of("claims")
    resources:
        **resources_of("claims"),
    params:
        options=JOBS.options("claims", PATHS.table(paths.CLAIMS, "md")),
    message:
        "Check the abstracts' claims against the grid"
    shell:
        "python -m odelt --log {log} claims {params.options} --published {input.published}"


FIGURES = {
    paths.SCALING: "quality against latency",
    paths.SCALING_FLOPS: "quality against operations",
    paths.PICTURE_GRID: "samples, steps by lengths",
    paths.TRAINING: "training curves",
}


rule figures:
    input:
        scores=JOBS.of_experiment(inputs.scores),
        curves=JOBS.of_experiment(inputs.curves),
        samples=JOBS.of_experiment(inputs.pictured),
        published=SUITE.published,
    output:
        [shown(ANY.figure(name, paths.SVG), label) for name, label in FIGURES.items()],
        [ANY.figure(name, paths.PNG) for name in paths.FIGURES_OF_EXPERIMENT],
    log:
        "<logs>/{experiment}/figures.log",
    benchmark:
        "<benchmarks>/{experiment}/figures.tsv"
    conda:
        environment_of("figures")
    resources:
        **resources_of("figures"),
    params:
        options=JOBS.options("figures", ANY.figure(paths.SCALING, paths.SVG)),
    message:
        "Figures of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} figures {params.options} --published {input.published}"


rule publish:
    input:
        [PATHS.table(name, "html") for name in OF_SUITE],
        [shown for files in PATHS_OF.values() for shown in published_of(files)],


# Verdicts and audit are configuration to the process that writes the report, so that its first page can say them.
rule report:
    input:
        shown=rules.publish.input,
        verdicts=PATHS.table(paths.VERDICTS, "json"),
        audit=PATHS.audit,
    output:
        PATHS.report,
    log:
        "<logs>/report.log",
    conda:
        "../../envs/jax.yaml"
    resources:
        **resources_of("tables"),
    params:
        suite=config["suite"],
    message:
        "The report: {output}"
    shell:
        "snakemake publish --report {output} --cores all --configfile {input.verdicts} {input.audit}"
        " --config suite={params.suite} > {log} 2>&1"


# `snakemake only_<experiment>` makes one experiment; `snakemake released_<experiment>` scores its downloaded weights, and
# trains nothing.
for experiment, settings in EXPERIMENTS.items():

    rule:
        name:
            grid.rule_name("only", experiment)
        input:
            published_of(PATHS_OF[experiment]),
            list(inputs.chain(settings, PATHS_OF[experiment])),

    rule:
        name:
            grid.rule_name("released", experiment)
        input:
            list(inputs.measured(settings, PATHS_OF[experiment], grid.downloaded_points(settings))),


# `snakemake so_far_<experiment>`: tables and figures of what there is already; the cells of the rest say "not run".
for experiment, settings in EXPERIMENTS.items():

    rule:
        name:
            grid.rule_name("so_far", experiment)
        log:
            tables=f"<logs>/{experiment}/so_far_tables.log",
            main=f"<logs>/{experiment}/so_far_main.log",
            figures=f"<logs>/{experiment}/so_far_figures.log",
        conda:
            environment_of("tables")
        resources:
            **resources_of("tables"),
        params:
            tables=JOBS.options_so_far(experiment, PATHS.so_far(experiment).table(paths.MAIN, "md")),
            figures=JOBS.options_so_far(experiment, PATHS.so_far(experiment).figure(paths.SCALING, paths.SVG)),
            published=shlex.join(["--published", SUITE.published]),
        message:
            f"Tables and figures of what there is, in {PATHS.so_far(experiment).root}"
        shell:
            "python -m odelt --log {log.tables} tables {params.tables} {params.published}\n"
            "python -m odelt --log {log.main} main-table {params.tables} {params.published}\n"
            "python -m odelt --log {log.figures} figures {params.figures} {params.published}"
