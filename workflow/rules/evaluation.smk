rule fit_features:
    input:
        "<results>/{experiment}/data/dataset.npz",
    output:
        "<results>/{experiment}/features/network.safetensors",
    log:
        "<logs>/{experiment}/fit_features.log",
    benchmark:
        "<benchmarks>/{experiment}/fit_features.tsv"
    conda:
        "../../envs/jax.yaml"
    params:
        settings=lambda w: as_json(settings_of(w).features),
    message:
        "Train the feature network of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} fit-features --dataset {input} --settings {params.settings:q} --out {output}"


rule real_features:
    input:
        network="<results>/{experiment}/features/network.safetensors",
        images="<results>/{experiment}/data/dataset.npz",
    output:
        "<results>/{experiment}/features/real.npz",
    log:
        "<logs>/{experiment}/real_features.log",
    benchmark:
        "<benchmarks>/{experiment}/real_features.tsv"
    conda:
        "../../envs/jax.yaml"
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
    conda:
        "../../envs/jax.yaml"
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
    conda:
        "../../envs/jax.yaml"
    params:
        seed=SUITE.seed,
    message:
        "Distance between two halves of the real images of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} floor --features {input} --seed {params.seed} --out {output}"


rule score:
    input:
        samples="<results>/{experiment}/samples/{set}.npz",
        features="<results>/{experiment}/features/{set}.npz",
        dataset="<results>/{experiment}/data/dataset.npz",
        real_features="<results>/{experiment}/features/real.npz",
    output:
        "<results>/{experiment}/scores/{set}.json",
    log:
        "<logs>/{experiment}/score/{set}.log",
    benchmark:
        "<benchmarks>/{experiment}/score/{set}.tsv"
    conda:
        "../../envs/jax.yaml"
    params:
        facts=facts_of_point,
    message:
        "Score {wildcards.set}"
    shell:
        "python -m odelt --log {log} score --samples {input.samples} --features {input.features} --dataset {input.dataset}"
        " --real-features {input.real_features} --facts {params.facts:q} --out {output}"


rule latency:
    input:
        "<results>/{experiment}/models/{model}/model.safetensors",
    output:
        "<results>/{experiment}/latency/{model}/{length}.json",
    log:
        "<logs>/{experiment}/latency/{model}/{length}.log",
    benchmark:
        "<benchmarks>/{experiment}/latency/{model}/{length}.tsv"
    conda:
        "../../envs/jax.yaml"
    # All cores, so that nothing else runs while it measures.
    threads: workflow.cores
    params:
        model=subpath(input[0], parent=True),
        length=lambda w: length_argument(timed_length(w)),
        settings=lambda w: " ".join(
            f"--setting {setting(point)}" for point in grid.latency_points(settings_of(w))[w.model, timed_length(w)]
        ),
        batch_size=lambda w: settings_of(w).evaluation.latency.batch_size,
        repeats=lambda w: settings_of(w).evaluation.latency.repeats,
        dtype=lambda w: settings_of(w).evaluation.dtype,
        facts=lambda w: json.dumps(
            {
                "experiment": w.experiment,
                "model": w.model,
                **facts_of_length(w, timed_length(w)),
            }
        ),
    message:
        "Time {wildcards.model} at length {wildcards.length}"
    shell:
        "python -m odelt --log {log} latency --model {params.model} --length {params.length} {params.settings}"
        " --batch-size {params.batch_size} --repeats {params.repeats} --dtype {params.dtype}"
        " --facts {params.facts:q} --out {output}"
