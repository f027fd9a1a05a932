rule fit_features:
    input:
        lambda w: PATHS.data(JOBS.settings(w)),
    output:
        ANY.feature_network,
    log:
        "<logs>/{experiment}/fit_features.log",
    benchmark:
        "<benchmarks>/{experiment}/fit_features.tsv"
    wildcard_constraints:
        experiment=one_of(SMALL),
    conda:
        environment_of("fit-features")
    resources:
        **resources_of("fit-features"),
    params:
        options=JOBS.options("fit-features", ANY.feature_network),
    message:
        "Train the feature network of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} fit-features --dataset {input} {params.options}"


rule real_features:
    input:
        network=ANY.feature_network,
        images=lambda w: PATHS.data(JOBS.settings(w)),
    output:
        ANY.real_features,
    log:
        "<logs>/{experiment}/real_features.log",
    benchmark:
        "<benchmarks>/{experiment}/real_features.tsv"
    wildcard_constraints:
        experiment=one_of(SMALL),
    conda:
        environment_of("features")
    resources:
        **resources_of("features"),
    params:
        options=JOBS.options("features", ANY.real_features),
    message:
        "Features of the real images of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} features --network {input.network} {params.options}"


for experiment, settings, files, job, points in JOBS.of_points(SMALL):

    rule:
        name:
            grid.rule_name("features", experiment, job)
        input:
            network=files.feature_network,
            images=[files.samples(point) for point in points],
        output:
            [files.features(point) for point in points],
        log:
            f"<logs>/{experiment}/features/{job}.log",
        benchmark:
            f"<benchmarks>/{experiment}/features/{job}.tsv"
        conda:
            environment_of("features")
        resources:
            **resources_of("features", large=False),
        params:
            options=JOBS.options_of_all("features", map(files.features, points)),
        message:
            f"Features of {experiment}/{job}"
        shell:
            "python -m odelt --log {log} features --network {input.network} {params.options}"

    rule:
        name:
            grid.rule_name("score", experiment, job)
        input:
            [path(point) for path in (files.samples, files.features) for point in points],
            dataset=PATHS.data(settings),
            real_features=files.real_features,
        output:
            [files.score(point) for point in points],
        log:
            f"<logs>/{experiment}/score/{job}.log",
        benchmark:
            f"<benchmarks>/{experiment}/score/{job}.tsv"
        conda:
            environment_of("score")
        resources:
            **resources_of("score", large=False),
        params:
            options=JOBS.options_of_all("score", map(files.score, points)),
        message:
            f"Score {experiment}/{job}"
        shell:
            "python -m odelt --log {log} score --dataset {input.dataset} --real-features {input.real_features}"
            " {params.options}"


rule floor:
    input:
        ANY.real_features,
    output:
        ANY.floor,
    log:
        "<logs>/{experiment}/floor.log",
    benchmark:
        "<benchmarks>/{experiment}/floor.tsv"
    wildcard_constraints:
        experiment=one_of(SMALL),
    conda:
        environment_of("floor")
    resources:
        **resources_of("floor"),
    params:
        options=JOBS.options("floor", ANY.floor),
    message:
        "Distance between two halves of the real images of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} floor --features {input} {params.options}"


rule latency_of_programs:
    output:
        ANY.latency,
    log:
        "<logs>/{experiment}/latency.log",
    benchmark:
        "<benchmarks>/{experiment}/latency.tsv"
    conda:
        environment_of("latency")
    # On a processor all cores, so that nothing else runs while it measures; a GPU is the job's own anyway.
    threads: lambda w: 1 if w.experiment in LATENT else CORES
    resources:
        **resources_of("latency"),
    params:
        options=JOBS.options("latency", ANY.latency),
    message:
        "Time the programs of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} latency {params.options}"


# Large datasets: Inception's features, of images that are decoded on the way.


rule real_statistics:
    input:
        unpack(lambda w: PATHS.inception(JOBS.user(w))),
        images=JOBS.images,
    output:
        ANY_DATASET.real_statistics,
    log:
        "<logs>/datasets/{dataset}/real_statistics.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/real_statistics.tsv"
    conda:
        environment_of("real-statistics")
    threads: max(1, min(4, CORES // 2))
    resources:
        **resources_of("real-statistics"),
    params:
        options=JOBS.options("real-statistics", ANY_DATASET.real_statistics),
        own_files=JOBS.own_files,
    message:
        "Statistics of the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} real-statistics {params.options} --images {input.images:q}"
        " --weights {input.weights} --torchscript {input.torchscript}"


rule compare_references:
    input:
        real=lambda w: PATHS.real_statistics(JOBS.settings(w).dataset),
        references=lambda w: PATHS.references(JOBS.settings(w)),
    output:
        ANY.references,
    log:
        "<logs>/{experiment}/compare_references.log",
    benchmark:
        "<benchmarks>/{experiment}/compare_references.tsv"
    wildcard_constraints:
        experiment=one_of(LATENT),
    conda:
        environment_of("compare-references")
    resources:
        **resources_of("compare-references"),
    params:
        options=JOBS.options("compare-references", ANY.references),
    message:
        "Compare the reference statistics of {wildcards.experiment} with its images"
    shell:
        "python -m odelt --log {log} compare-references --real {input.real} {params.options}"


# What reads large files has priority over what makes more of them.
for experiment, settings, files, job, points in JOBS.of_points(LATENT):

    rule:
        name:
            grid.rule_name("statistics", experiment, job)
        input:
            **JOBS.of_description(experiment, points),
        output:
            [*(temp(files.statistics(point)) for point in points), *map(files.pictures, points)],
        log:
            f"<logs>/{experiment}/statistics/{job}.log",
        benchmark:
            f"<benchmarks>/{experiment}/statistics/{job}.tsv"
        priority: 1
        conda:
            environment_of("statistics")
        threads: max(1, min(4, CORES // 2))
        resources:
            **resources_of("statistics", large=True),
        params:
            options=JOBS.options_of_all("statistics", map(files.statistics, points)),
        message:
            f"Statistics of the samples of {experiment}/{job}"
        shell:
            "python -m odelt --log {log} statistics {params.options} --vae {input.vae}"
            " --real {input.real} --weights {input.weights} --torchscript {input.torchscript}"

    rule:
        name:
            grid.rule_name("fid", experiment, job)
        input:
            statistics=[files.statistics(point) for point in points],
            real=PATHS.real_statistics(settings.dataset),
            references=PATHS.references(settings),
        output:
            [files.score(point) for point in points],
        log:
            f"<logs>/{experiment}/score/{job}.log",
        benchmark:
            f"<benchmarks>/{experiment}/score/{job}.tsv"
        priority: 2
        conda:
            environment_of("score-fid")
        resources:
            **resources_of("score-fid", large=True),
        params:
            options=JOBS.options_of_all("score-fid", map(files.score, points)),
        message:
            f"Score {experiment}/{job}"
        shell:
            "python -m odelt --log {log} score-fid --real {input.real} {params.options}"
