# A small run has all cores; a large one is the GPU's and needs some to load its data. Checkpoints are no outputs:
# Snakemake removes the outputs of a failed job, and an interrupted run goes on from them. So a run that a scheduler stops
# at the end of its `runtime` goes on at the next try.
rule train:
    input:
        unpack(JOBS.of_run),
    output:
        [RESULTS / "{trained}" / name for name in VERBS["train"].outputs],
    log:
        messages="<logs>/{trained}.log",
        timings="<logs>/{trained}.csv",
    benchmark:
        "<benchmarks>/{trained}.tsv"
    retries: JOBS.retries if workflow.local_exec else JOBS.slices - 1
    conda:
        environment_of("train")
    threads: lambda w: min(8, max(1, CORES // 2)) if JOBS.is_large(w) else CORES
    resources:
        **resources_of("train"),
    params:
        options=JOBS.options_of_run(RESULTS / "{trained}" / model_directory.WEIGHTS),
        own_files=JOBS.own_files_of_run,
    message:
        "Train {wildcards.trained}"
    shell:
        "python -m odelt --log {log.messages} train --dataset {input.data} {params.options} --timings {log.timings}"
