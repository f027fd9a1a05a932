# One job per (model, weights, length) makes the sample sets of all its solvers in one process. Which sets those are
# differs from group to group, so each group is a rule of its own.
for experiment, settings in EXPERIMENTS.items():
    for group, points in grid.sample_groups(settings).items():

        rule:
            name:
                grid.rule_name("sample", experiment, group.path)
            input:
                PATHS_OF[experiment].model(group.model) / "model.safetensors",
            output:
                [once_read(settings, PATHS_OF[experiment].samples(point)) for point in points],
            log:
                f"<logs>/{experiment}/sample/{group.path}.log",
            benchmark:
                f"<benchmarks>/{experiment}/sample/{group.path}.tsv"
            retries: RETRIES
            conda:
                "../../envs/jax.yaml"
            # Two at a time on a small machine: one compiles while the other computes.
            threads: max(1, min(4, CORES // 2))
            resources:
                mem_mb=16000,
                runtime=1440,
                gpu=1 if settings.latent else 0,
            params:
                model=PATHS_OF[experiment].model(group.model),
                weights=group.weights,
                length=length_argument(group.length),
                settings=" ".join(f"--setting {setting(point)}" for point in points),
                out=" ".join(f"--out {PATHS_OF[experiment].samples(point)}" for point in points),
                number=settings.evaluation.samples,
                batch_size=settings.evaluation.batch_size,
                dtype=settings.evaluation.dtype,
                sharding=settings.evaluation.sharding,
                seed=settings.evaluation.seed,
            message:
                f"Generate the samples of {experiment}/{group.path}"
            shell:
                "python -m odelt --log {log} sample-grid --model {params.model} --weights {params.weights}"
                " --length {params.length} {params.settings} --count {params.number} --seed {params.seed}"
                " --batch-size {params.batch_size} --dtype {params.dtype} --sharding {params.sharding} {params.out}"
