rule train:
    input:
        dataset="<results>/{experiment}/data/dataset.npz",
        start=start_of,
    output:
        weights="<results>/{experiment}/models/{model}/model.safetensors",
        config="<results>/{experiment}/models/{model}/config.json",
        curve="<results>/{experiment}/models/{model}/training.csv",
    log:
        "<logs>/{experiment}/train/{model}.log",
    benchmark:
        "<benchmarks>/{experiment}/train/{model}.tsv"
    conda:
        "../../envs/jax.yaml"
    threads: workflow.cores
    params:
        out=subpath(output.weights, parent=True),
        start=lambda w, input: (f"--start {pathlib.Path(input.start).parent}" if input.start else ""),
        network=lambda w: as_json(odelt_config.network_of(settings_of(w))),
        training=lambda w: as_json(run_of(w).training),
        inner_ode=lambda w: "--inner-ode" if run_of(w).inner_ode else "",
        seed=SUITE.seed,
        # Not an output: Snakemake removes the outputs of a failed job, and an interrupted run goes on from here.
        checkpoints=lambda w: f"{RESULTS}/checkpoints/{w.experiment}/{w.model}",
    message:
        "Train {wildcards.model} of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} train --dataset {input.dataset} {params.start} --network {params.network:q}"
        " --training {params.training:q} {params.inner_ode} --seed {params.seed}"
        " --checkpoints {params.checkpoints} --out {params.out}"
