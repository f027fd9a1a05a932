rule fit_features:
    input:
        lambda w: PATHS.data(settings_of(w)),
    output:
        "<results>/{experiment}/features/network.safetensors",
    log:
        "<logs>/{experiment}/fit_features.log",
    benchmark:
        "<benchmarks>/{experiment}/fit_features.tsv"
    wildcard_constraints:
        experiment=one_of(EXPERIMENTS.keys() - LATENT),
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        settings=lambda w: as_json(settings_of(w).features),
    message:
        "Train the feature network of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} fit-features --dataset {input} --settings {params.settings:q} --out {output}"


rule real_features:
    input:
        network="<results>/{experiment}/features/network.safetensors",
        images=lambda w: PATHS.data(settings_of(w)),
    output:
        "<results>/{experiment}/features/real.npz",
    log:
        "<logs>/{experiment}/real_features.log",
    benchmark:
        "<benchmarks>/{experiment}/real_features.tsv"
    wildcard_constraints:
        experiment=one_of(EXPERIMENTS.keys() - LATENT),
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    message:
        "Features of the real images of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} features --network {input.network} --images {input.images} --array images --out {output}"


rule features:
    input:
        network="<results>/{experiment}/features/network.safetensors",
        images="<results>/{experiment}/samples/{set}.npz",
    output:
        "<results>/{experiment}/features/{set}.npz",
    log:
        "<logs>/{experiment}/features/{set}.log",
    benchmark:
        "<benchmarks>/{experiment}/features/{set}.tsv"
    wildcard_constraints:
        experiment=one_of(EXPERIMENTS.keys() - LATENT),
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    message:
        "Features of {wildcards.set}"
    shell:
        "python -m odelt --log {log} features --network {input.network} --images {input.images} --out {output}"


rule floor:
    input:
        "<results>/{experiment}/features/real.npz",
    output:
        "<results>/{experiment}/scores/floor.json",
    log:
        "<logs>/{experiment}/floor.log",
    benchmark:
        "<benchmarks>/{experiment}/floor.tsv"
    wildcard_constraints:
        experiment=one_of(EXPERIMENTS.keys() - LATENT),
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        seed=lambda w: settings_of(w).seed,
    message:
        "Distance between two halves of the real images of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} floor --features {input} --seed {params.seed} --out {output}"


rule score:
    input:
        samples="<results>/{experiment}/samples/{set}.npz",
        features="<results>/{experiment}/features/{set}.npz",
        dataset=lambda w: PATHS.data(settings_of(w)),
        real_features="<results>/{experiment}/features/real.npz",
    output:
        "<results>/{experiment}/scores/{set}.json",
    log:
        "<logs>/{experiment}/score/{set}.log",
    benchmark:
        "<benchmarks>/{experiment}/score/{set}.tsv"
    wildcard_constraints:
        experiment=one_of(EXPERIMENTS.keys() - LATENT),
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        facts=facts_of_point,
    message:
        "Score {wildcards.set}"
    shell:
        "python -m odelt --log {log} score --samples {input.samples} --features {input.features} --dataset {input.dataset}"
        " --real-features {input.real_features} --facts {params.facts:q} --out {output}"


rule latency_of_model:
    input:
        "<results>/{experiment}/models/{model}/model.safetensors",
    output:
        "<results>/{experiment}/latency/{model}/{length}.json",
    log:
        "<logs>/{experiment}/latency/{model}/{length}.log",
    benchmark:
        "<benchmarks>/{experiment}/latency/{model}/{length}.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    # On a processor all cores, so that nothing else runs while it measures; a GPU is the job's own anyway.
    threads: lambda w: 1 if w.experiment in LATENT else CORES
    resources:
        mem_mb=16000,
        runtime=240,
        gpu=gpus_of,
    params:
        model=subpath(input[0], parent=True),
        length=lambda w: length_argument(timed_length(w)),
        settings=timed_settings,
        batch_size=lambda w: settings_of(w).evaluation.latency.batch_size,
        repeats=lambda w: settings_of(w).evaluation.latency.repeats,
        dtype=lambda w: settings_of(w).evaluation.dtype,
        facts=facts_of_latency,
    message:
        "Time {wildcards.model} at length {wildcards.length}"
    shell:
        "python -m odelt --log {log} latency --model {params.model} --length {params.length} {params.settings}"
        " --batch-size {params.batch_size} --repeats {params.repeats} --dtype {params.dtype}"
        " --facts {params.facts:q} --out {output}"


# Large datasets: Inception's features, of images that are decoded on the way.


rule real_statistics:
    input:
        unpack(lambda w: inception_of(user_of(w))),
        images=images_of,
    output:
        "<results>/datasets/{dataset}/real.npz",
    log:
        "<logs>/datasets/{dataset}/real_statistics.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/real_statistics.tsv"
    retries: RETRIES
    conda:
        "../../envs/vision.yaml"
    threads: max(1, min(4, CORES // 2))
    resources:
        mem_mb=16000,
        runtime=720,
        gpu=1,
    params:
        dataset=lambda w: as_json(SUITE.datasets[w.dataset]),
        own_files=own_files_of,
        settings=lambda w: as_json(user_of(w).features),
    message:
        "Statistics of the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} real-statistics --dataset {params.dataset:q} --images {input.images:q}"
        " --settings {params.settings:q} --weights {input.weights} --torchscript {input.torchscript} --out {output}"


rule compare_references:
    input:
        real=lambda w: PATHS.real_statistics(settings_of(w).dataset),
        references=lambda w: references_of(settings_of(w)),
    output:
        "<results>/{experiment}/scores/references.json",
    log:
        "<logs>/{experiment}/compare_references.log",
    benchmark:
        "<benchmarks>/{experiment}/compare_references.tsv"
    wildcard_constraints:
        experiment=one_of(LATENT),
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        references=lambda w: reference_arguments(settings_of(w)),
    message:
        "Compare the reference statistics of {wildcards.experiment} with its images"
    shell:
        "python -m odelt --log {log} compare-references --real {input.real} {params.references} --out {output}"


for experiment in LATENT:
    settings, layout = EXPERIMENTS[experiment], PATHS_OF[experiment]
    for group, points in grid.sample_groups(settings).items():

        rule:
            name:
                grid.rule_name("statistics", experiment, group.path)
            input:
                **inception_of(settings),
                samples=[layout.samples(point) for point in points],
                vae=codec_of(settings),
                real=PATHS.real_statistics(settings.dataset),
            output:
                statistics=[temp(layout.statistics(point)) for point in points],
                pictures=[layout.pictures(point) for point in points],
            log:
                f"<logs>/{experiment}/statistics/{group.path}.log",
            benchmark:
                f"<benchmarks>/{experiment}/statistics/{group.path}.tsv"
            # What reads large files goes before what makes more of them.
            priority: 1
            retries: RETRIES
            conda:
                "../../envs/vision.yaml"
            threads: max(1, min(4, CORES // 2))
            resources:
                mem_mb=16000,
                runtime=1440,
                gpu=1,
            params:
                files=" ".join(
                    f"--samples {layout.samples(p)} --out {layout.statistics(p)} --pictures {layout.pictures(p)}"
                    for p in points
                ),
                codec=as_json(settings.codec),
                settings=as_json(settings.features),
            message:
                f"Statistics of the samples of {experiment}/{group.path}"
            shell:
                "python -m odelt --log {log} statistics {params.files} --vae {input.vae} --codec {params.codec:q}"
                " --real {input.real} --weights {input.weights} --torchscript {input.torchscript}"
                " --settings {params.settings:q}"


rule score_fid:
    input:
        statistics="<results>/{experiment}/statistics/{set}.npz",
        real=lambda w: PATHS.real_statistics(settings_of(w).dataset),
        references=lambda w: references_of(settings_of(w)),
    output:
        "<results>/{experiment}/scores/{set}.json",
    log:
        "<logs>/{experiment}/score/{set}.log",
    benchmark:
        "<benchmarks>/{experiment}/score/{set}.tsv"
    wildcard_constraints:
        experiment=one_of(LATENT),
    priority: 2
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        references=lambda w: reference_arguments(settings_of(w)),
        facts=facts_of_point,
    message:
        "Score {wildcards.experiment}/{wildcards.set}"
    shell:
        "python -m odelt --log {log} score-fid --statistics {input.statistics} --real {input.real} {params.references}"
        " --facts {params.facts:q} --out {output}"
