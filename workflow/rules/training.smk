rule train:
    input:
        data=lambda w: PATHS.data(run_of(w.trained)[0]),
        start=start_of,
    output:
        weights="<results>/{trained}/model.safetensors",
        config="<results>/{trained}/config.json",
        curve="<results>/{trained}/training.csv",
    log:
        messages="<logs>/{trained}.log",
        timings="<logs>/{trained}.csv",
    benchmark:
        "<benchmarks>/{trained}.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    # A small run has all cores; a large one is the GPU's and needs some to load its data.
    threads: lambda w: min(8, max(1, CORES // 2)) if RUNS[w.trained][0] in LATENT else CORES
    resources:
        mem_mb=32000,
        runtime=4320,
        gpu=lambda w: 1 if RUNS[w.trained][0] in LATENT else 0,
    params:
        out=subpath(output.weights, parent=True),
        start=lambda w, input: (f"--start {pathlib.Path(input.start).parent}" if input.start else ""),
        codec=lambda w: codec_argument(run_of(w.trained)[0]),
        network=lambda w: as_json(odelt_config.network_of(run_of(w.trained)[0])),
        training=lambda w: as_json(run_of(w.trained)[1].settings.training),
        inner_ode=lambda w: "--inner-ode" if run_of(w.trained)[1].inner_ode else "",
        seed=lambda w: run_of(w.trained)[1].seed,
        own_files=own_files_of_run,
        # Not an output: Snakemake removes the outputs of a failed job, and an interrupted run goes on from here.
        checkpoints=lambda w: f"{RESULTS}/checkpoints/{RUNS[w.trained][0]}/{RUNS[w.trained][1].name}",
    message:
        "Train {wildcards.trained}"
    shell:
        "python -m odelt --log {log.messages} train --dataset {input.data} {params.codec} {params.start}"
        " --network {params.network:q} --training {params.training:q} {params.inner_ode} --seed {params.seed}"
        " --checkpoints {params.checkpoints} --timings {log.timings} --out {params.out}"
