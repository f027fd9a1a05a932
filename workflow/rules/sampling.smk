# One job per (model, weights, length) makes the sample sets of all its solvers in one process. Which sets those are
# differs from group to group, so each group is a rule of its own.
for experiment, settings in EXPERIMENTS.items():
    for group, points in grid.sample_groups(settings).items():

        rule:
            name:
                grid.rule_name("sample", experiment, group.path)
            input:
                PATHS_OF[experiment].weights(group.model),
            output:
                [once_read(settings, PATHS_OF[experiment].samples(point)) for point in points],
            log:
                f"<logs>/{experiment}/sample/{group.path}.log",
            benchmark:
                f"<benchmarks>/{experiment}/sample/{group.path}.tsv"
            retries: RETRIES
            conda:
                environment_of("sample-grid")
            # Two at a time on a small machine: one compiles while the other computes.
            threads: max(1, min(4, CORES // 2))
            resources:
                **resources_of(*((16000, 1440, 1) if settings.latent else ())),
            params:
                options=options_of_group("sample-grid", map(PATHS_OF[experiment].samples, points)),
            message:
                f"Generate the samples of {experiment}/{group.path}"
            shell:
                "python -m odelt --log {log} sample-grid {params.options}"
