rule tables:
    input:
        scores=scores_of,
        latencies=latencies_of,
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
    conda:
        "../../envs/jax.yaml"
    params:
        out=subpath(output.grid, parent=True),
        settings=lambda w: as_json(settings_of(w)),
        seed=SUITE.seed,
        results=lambda w: LAYOUT[w.experiment].root,
    message:
        "Tables of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} tables --experiment {wildcards.experiment} --settings {params.settings:q}"
        " --seed {params.seed} --results {params.results} --out {params.out}"


rule figures:
    input:
        scores=scores_of,
        latencies=latencies_of,
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
    conda:
        "../../envs/jax.yaml"
    params:
        out=subpath(output[0], parent=True),
        settings=lambda w: as_json(settings_of(w)),
        seed=SUITE.seed,
        results=lambda w: LAYOUT[w.experiment].root,
    message:
        "Figures of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} figures --experiment {wildcards.experiment} --settings {params.settings:q}"
        " --seed {params.seed} --results {params.results} --out {params.out}"


rule publish:
    input:
        expand("<results>/{experiment}/tables/grid.md", experiment=EXPERIMENTS),
        expand("<results>/{experiment}/figures/scaling.svg", experiment=EXPERIMENTS),


rule report:
    input:
        rules.publish.input,
    output:
        "<results>/report.html",
    log:
        "<logs>/report.log",
    conda:
        "../../envs/jax.yaml"
    params:
        suite=config["suite"],
    message:
        "The report: {output}"
    shell:
        "snakemake publish --report {output} --cores all --config suite={params.suite} > {log} 2>&1"


# `snakemake so_far_<experiment>`: tables and figures of what there is already; the cells of the rest say "not run".
for experiment, settings in EXPERIMENTS.items():

    rule:
        name:
            grid.rule_name("so_far", experiment)
        log:
            tables=f"<logs>/{experiment}/so_far_tables.log",
            figures=f"<logs>/{experiment}/so_far_figures.log",
        conda:
            "../../envs/jax.yaml"
        params:
            common=f"--experiment {experiment} --results {RESULTS}/{experiment} --seed {SUITE.seed}",
            settings=as_json(settings),
            out=f"{RESULTS}/so-far/{experiment}",
        message:
            "Tables and figures of what there is, in {params.out}"
        shell:
            "python -m odelt --log {log.tables} tables {params.common} --settings {params.settings:q} --out {params.out}/tables\n"
            "python -m odelt --log {log.figures} figures {params.common} --settings {params.settings:q} --out {params.out}/figures"
