rule fit_features:
    input:
        lambda w: PATHS.data(settings_of(w)),
    output:
        ANY.feature_network,
    log:
        "<logs>/{experiment}/fit_features.log",
    benchmark:
        "<benchmarks>/{experiment}/fit_features.tsv"
    wildcard_constraints:
        experiment=one_of(SMALL),
    retries: RETRIES
    conda:
        environment_of("fit-features")
    threads: 1
    resources:
        **resources_of(),
    params:
        options=options_of("fit-features", ANY.feature_network),
    message:
        "Train the feature network of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} fit-features --dataset {input} {params.options}"


rule real_features:
    input:
        network=ANY.feature_network,
        images=lambda w: PATHS.data(settings_of(w)),
    output:
        ANY.real_features,
    log:
        "<logs>/{experiment}/real_features.log",
    benchmark:
        "<benchmarks>/{experiment}/real_features.tsv"
    wildcard_constraints:
        experiment=one_of(SMALL),
    retries: RETRIES
    conda:
        environment_of("features")
    threads: 1
    resources:
        **resources_of(),
    params:
        options=options_of("features", ANY.real_features),
    message:
        "Features of the real images of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} features --network {input.network} {params.options}"


for experiment in SMALL:
    settings, files = EXPERIMENTS[experiment], PATHS_OF[experiment]
    for group, points in grid.sample_groups(settings).items():

        rule:
            name:
                grid.rule_name("features", experiment, group.path)
            input:
                network=files.feature_network,
                images=[files.samples(point) for point in points],
            output:
                [files.features(point) for point in points],
            log:
                f"<logs>/{experiment}/features/{group.path}.log",
            benchmark:
                f"<benchmarks>/{experiment}/features/{group.path}.tsv"
            retries: RETRIES
            conda:
                environment_of("features")
            threads: 1
            resources:
                **resources_of(),
            params:
                options=options_of_group("features", map(files.features, points)),
            message:
                f"Features of {experiment}/{group.path}"
            shell:
                "python -m odelt --log {log} features --network {input.network} {params.options}"

        rule:
            name:
                grid.rule_name("score", experiment, group.path)
            input:
                [files.samples(point) for point in points],
                [files.features(point) for point in points],
                dataset=PATHS.data(settings),
                real_features=files.real_features,
            output:
                [files.score(point) for point in points],
            log:
                f"<logs>/{experiment}/score/{group.path}.log",
            benchmark:
                f"<benchmarks>/{experiment}/score/{group.path}.tsv"
            retries: RETRIES
            conda:
                environment_of("score")
            threads: 1
            resources:
                **resources_of(),
            params:
                options=options_of_group("score", map(files.score, points)),
            message:
                f"Score {experiment}/{group.path}"
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
    retries: RETRIES
    conda:
        environment_of("floor")
    threads: 1
    resources:
        **resources_of(),
    params:
        options=options_of("floor", ANY.floor),
    message:
        "Distance between two halves of the real images of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} floor --features {input} {params.options}"


rule latency_of_model:
    input:
        ANY.weights("{model}"),
    output:
        ANY.latency_of("{model}/{length}"),
    log:
        "<logs>/{experiment}/latency/{model}/{length}.log",
    benchmark:
        "<benchmarks>/{experiment}/latency/{model}/{length}.tsv"
    retries: RETRIES
    conda:
        environment_of("latency")
    # On a processor all cores, so that nothing else runs while it measures; a GPU is the job's own anyway.
    threads: lambda w: 1 if w.experiment in LATENT else CORES
    resources:
        **resources_of_experiment(mem_mb=16000, minutes=240),
    params:
        options=options_of("latency", ANY.latency_of("{model}/{length}")),
    message:
        "Time {wildcards.model} at length {wildcards.length}"
    shell:
        "python -m odelt --log {log} latency {params.options}"


# Large datasets: Inception's features, of images that are decoded on the way.


rule real_statistics:
    input:
        unpack(lambda w: inception_of(user_of(w))),
        images=images_of,
    output:
        ANY_DATASET.real_statistics,
    log:
        "<logs>/datasets/{dataset}/real_statistics.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/real_statistics.tsv"
    retries: RETRIES
    conda:
        environment_of("real-statistics")
    threads: max(1, min(4, CORES // 2))
    resources:
        **resources_of(mem_mb=16000, minutes=720, gpu=1),
    params:
        options=options_of("real-statistics", ANY_DATASET.real_statistics),
        own_files=own_files_of,
    message:
        "Statistics of the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} real-statistics {params.options} --images {input.images:q}"
        " --weights {input.weights} --torchscript {input.torchscript}"


rule compare_references:
    input:
        real=lambda w: PATHS.real_statistics(settings_of(w).dataset),
        references=lambda w: references_of(settings_of(w)),
    output:
        ANY.references,
    log:
        "<logs>/{experiment}/compare_references.log",
    benchmark:
        "<benchmarks>/{experiment}/compare_references.tsv"
    wildcard_constraints:
        experiment=one_of(LATENT),
    retries: RETRIES
    conda:
        environment_of("compare-references")
    threads: 1
    resources:
        **resources_of(),
    params:
        options=options_of("compare-references", ANY.references),
    message:
        "Compare the reference statistics of {wildcards.experiment} with its images"
    shell:
        "python -m odelt --log {log} compare-references --real {input.real} {params.options}"


for experiment in LATENT:
    settings, files = EXPERIMENTS[experiment], PATHS_OF[experiment]
    for group, points in grid.sample_groups(settings).items():

        rule:
            name:
                grid.rule_name("statistics", experiment, group.path)
            input:
                **inception_of(settings),
                samples=[files.samples(point) for point in points],
                vae=codec_of(settings),
                real=PATHS.real_statistics(settings.dataset),
            output:
                statistics=[temp(files.statistics(point)) for point in points],
                pictures=[files.pictures(point) for point in points],
            log:
                f"<logs>/{experiment}/statistics/{group.path}.log",
            benchmark:
                f"<benchmarks>/{experiment}/statistics/{group.path}.tsv"
            # What reads large files goes before what makes more of them.
            priority: 1
            retries: RETRIES
            conda:
                environment_of("statistics")
            threads: max(1, min(4, CORES // 2))
            resources:
                **resources_of(mem_mb=16000, minutes=1440, gpu=1),
            params:
                options=options_of_group("statistics", map(files.statistics, points)),
            message:
                f"Statistics of the samples of {experiment}/{group.path}"
            shell:
                "python -m odelt --log {log} statistics {params.options} --vae {input.vae}"
                " --real {input.real} --weights {input.weights} --torchscript {input.torchscript}"

        rule:
            name:
                grid.rule_name("fid", experiment, group.path)
            input:
                statistics=[files.statistics(point) for point in points],
                real=PATHS.real_statistics(settings.dataset),
                references=references_of(settings),
            output:
                [files.score(point) for point in points],
            log:
                f"<logs>/{experiment}/score/{group.path}.log",
            benchmark:
                f"<benchmarks>/{experiment}/score/{group.path}.tsv"
            priority: 2
            retries: RETRIES
            conda:
                environment_of("score-fid")
            threads: 1
            resources:
                **resources_of(),
            params:
                options=options_of_group("score-fid", map(files.score, points)),
            message:
                f"Score {experiment}/{group.path}"
            shell:
                "python -m odelt --log {log} score-fid --real {input.real} {params.options}"
