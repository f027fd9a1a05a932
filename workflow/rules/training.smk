rule train:
    input:
        data=lambda w: PATHS.data(run_of(w.trained)[0]),
        start=start_of,
    output:
        [RESULTS / "{trained}" / name for name in VERBS["train"].outputs],
    log:
        messages="<logs>/{trained}.log",
        timings="<logs>/{trained}.csv",
    benchmark:
        "<benchmarks>/{trained}.tsv"
    retries: RETRIES
    conda:
        environment_of("train")
    # A small run has all cores; a large one is the GPU's and needs some to load its data.
    threads: lambda w: min(8, max(1, CORES // 2)) if RUNS[w.trained][0] in LATENT else CORES
    resources:
        **resources_of_experiment(mem_mb=32000, minutes=4320),
    params:
        options=options_of("train", RESULTS / "{trained}" / model_directory.WEIGHTS),
        own_files=own_files_of_run,
        # Not an output: Snakemake removes the outputs of a failed job, and an interrupted run goes on from here.
        checkpoints=lambda w: PATHS.checkpoints(RUNS[w.trained][0], RUNS[w.trained][1].name),
    message:
        "Train {wildcards.trained}"
    shell:
        "python -m odelt --log {log.messages} train --dataset {input.data} {params.options}"
        " --checkpoints {params.checkpoints} --timings {log.timings}"
