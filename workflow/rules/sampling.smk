# One job per (model, weights, length) makes the sample sets of all its solvers in one process. Which sets those are
# differs from group to group, so each group is a rule of its own.
for experiment, settings, files, group, points in JOBS.groups(EXPERIMENTS):

    rule:
        name:
            grid.rule_name("sample", experiment, group)
        input:
            files.weights(group.model),
        output:
            [once_read(settings, files.samples(point)) for point in points],
        log:
            f"<logs>/{experiment}/sample/{group}.log",
        benchmark:
            f"<benchmarks>/{experiment}/sample/{group}.tsv"
        conda:
            environment_of("sample-grid")
        # Two at a time on a small machine: one compiles while the other computes.
        threads: max(1, min(4, CORES // 2))
        resources:
            **resources_of("sample-grid", settings.latent, settings.evaluation.gpus),
        params:
            options=JOBS.options_of_group("sample-grid", map(files.samples, points)),
        message:
            f"Generate the samples of {experiment}/{group}"
        shell:
            "python -m odelt --log {log} sample-grid {params.options}"
