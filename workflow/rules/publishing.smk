rule tables:
    input:
        scores=scores_of,
        codec=codec_errors_of,
        published=SUITE.published,
    output:
        grid=report(
            "<results>/{experiment}/tables/grid.html",
            caption="../report/grid.rst",
            category="{experiment}",
            subcategory="Tables",
            labels={"table": "every grid point"},
        ),
        grid_files=multiext("<results>/{experiment}/tables/grid", ".md", ".csv"),
        trade_off=report(
            "<results>/{experiment}/tables/trade-off.html",
            caption="../report/trade-off.rst",
            category="{experiment}",
            subcategory="Tables",
            labels={"table": "steps against blocks"},
        ),
        trade_off_files=multiext("<results>/{experiment}/tables/trade-off", ".md", ".csv"),
    log:
        "<logs>/{experiment}/tables.log",
    benchmark:
        "<benchmarks>/{experiment}/tables.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        out=subpath(output.grid, parent=True),
        settings=lambda w: as_json(settings_of(w)),
        notes=source_notes,
        results=lambda w: PATHS_OF[w.experiment].root,
    message:
        "Tables of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} tables --experiment {wildcards.experiment} --settings {params.settings:q}"
        " --published {input.published} {params.notes} --results {params.results} --out {params.out}"


rule main_table:
    input:
        scores=main_scores_of,
        codec=codec_errors_of,
        published=SUITE.published,
    output:
        page=report(
            "<results>/{experiment}/tables/main.html",
            caption="../report/main.rst",
            category="{experiment}",
            subcategory="Tables",
            labels={"table": "the paper's"},
        ),
        files=multiext("<results>/{experiment}/tables/main", ".md", ".csv"),
    log:
        "<logs>/{experiment}/main_table.log",
    benchmark:
        "<benchmarks>/{experiment}/main_table.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        out=subpath(output.page, parent=True),
        settings=lambda w: as_json(settings_of(w)),
        notes=source_notes,
        results=lambda w: PATHS_OF[w.experiment].root,
    message:
        "The main table of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} main-table --experiment {wildcards.experiment} --settings {params.settings:q}"
        " --published {input.published} {params.notes} --results {params.results} --out {params.out}"


# In the report's menu, which is in alphabetical order, what is over all experiments comes before each of them.
rule verdicts:
    input:
        scores=all_scores(),
        published=SUITE.published,
    output:
        page=report(
            "<results>/verdicts.html",
            caption="../report/verdicts.rst",
            category="All verdicts",
            labels={"table": "every published number"},
        ),
        files=multiext("<results>/verdicts", ".md", ".csv", ".json"),
    log:
        "<logs>/verdicts.log",
    benchmark:
        "<benchmarks>/verdicts.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        experiments=experiment_arguments(),
        out=subpath(output.page, parent=True),
    message:
        "Compare every published number with the grid"
    shell:
        "python -m odelt --log {log} verdicts {params.experiments} --published {input.published}"
        " --results {params.out} --out {params.out}"


rule claims:
    input:
        scores=all_scores(),
        published=SUITE.published,
    output:
        page=report(
            "<results>/claims.html",
            caption="../report/claims.rst",
            category="All verdicts",
            labels={"table": "what the abstracts claim"},
        ),
        files=multiext("<results>/claims", ".md", ".csv"),
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        experiments=experiment_arguments(),
        out=subpath(output.page, parent=True),
    message:
        "Check the abstracts' claims against the grid"
    shell:
        "python -m odelt --log {log} claims {params.experiments} --published {input.published}"
        " --results {params.out} --out {params.out}"


rule figures:
    input:
        scores=scores_of,
        curves=curves_of,
        samples=pictured_of,
    output:
        report(
            "<results>/{experiment}/figures/scaling.svg",
            caption="../report/scaling.rst",
            category="{experiment}",
            subcategory="Figures",
            labels={"figure": "quality against latency"},
        ),
        report(
            "<results>/{experiment}/figures/samples.svg",
            caption="../report/samples.rst",
            category="{experiment}",
            subcategory="Figures",
            labels={"figure": "samples, steps by lengths"},
        ),
        report(
            "<results>/{experiment}/figures/training.svg",
            caption="../report/training.rst",
            category="{experiment}",
            subcategory="Figures",
            labels={"figure": "training curves"},
        ),
        multiext(
            "<results>/{experiment}/figures/",
            "scaling.png",
            "samples.png",
            "training.png",
        ),
    log:
        "<logs>/{experiment}/figures.log",
    benchmark:
        "<benchmarks>/{experiment}/figures.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        out=subpath(output[0], parent=True),
        settings=lambda w: as_json(settings_of(w)),
        results=lambda w: PATHS_OF[w.experiment].root,
    message:
        "Figures of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} figures --experiment {wildcards.experiment} --settings {params.settings:q}"
        " --results {params.results} --out {params.out}"


rule publish:
    input:
        "<results>/verdicts.html",
        "<results>/claims.html",
        expand("<results>/{experiment}/tables/{table}.md", experiment=EXPERIMENTS, table=["main", "grid"]),
        expand("<results>/{experiment}/figures/scaling.svg", experiment=EXPERIMENTS),


# Verdicts and audit are configuration to the process that writes the report, so that its first page can say them.
rule report:
    input:
        shown=rules.publish.input,
        verdicts="<results>/verdicts.json",
        audit="<results>/audit.yaml",
    output:
        "<results>/report.html",
    log:
        "<logs>/report.log",
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
            [f"{RESULTS}/{experiment}/tables/{table}.md" for table in ("main", "grid")],
            f"{RESULTS}/{experiment}/figures/scaling.svg",
            list(chain_of(experiment)),

    rule:
        name:
            grid.rule_name("released", experiment)
        input:
            list(measured(experiment, grid.downloaded_points(settings))),


# `snakemake so_far_<experiment>`: tables and figures of what there is already; the cells of the rest say "not run".
for experiment, settings in EXPERIMENTS.items():

    rule:
        name:
            grid.rule_name("so_far", experiment)
        log:
            tables=f"<logs>/{experiment}/so_far_tables.log",
            main=f"<logs>/{experiment}/so_far_main.log",
            figures=f"<logs>/{experiment}/so_far_figures.log",
        retries: RETRIES
        conda:
            "../../envs/jax.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
            gpu=0,
        params:
            common=f"--experiment {experiment} --results {RESULTS}/{experiment} --settings {shlex.quote(as_json(settings))}",
            published=f"--published {SUITE.published}",
            out=f"{RESULTS}/so-far/{experiment}",
        message:
            "Tables and figures of what there is, in {params.out}"
        shell:
            "python -m odelt --log {log.tables} tables {params.common} {params.published} --out {params.out}/tables\n"
            "python -m odelt --log {log.main} main-table {params.common} {params.published} --out {params.out}/tables\n"
            "python -m odelt --log {log.figures} figures {params.common} --out {params.out}/figures"
