# One job makes many sample sets in one process: those of a model, or of its weights at one length where it is large. Which
# sets those are differs from job to job, so that each is a rule of its own.
for experiment, settings, files, job, points in JOBS.of_points(EXPERIMENTS):

    rule:
        name:
            grid.rule_name("sample", experiment, job)
        input:
            files.weights(points[0].group.model),
        output:
            [once_read(settings, files.samples(point)) for point in points],
        log:
            f"<logs>/{experiment}/sample/{job}.log",
        benchmark:
            f"<benchmarks>/{experiment}/sample/{job}.tsv"
        conda:
            environment_of("sample-grid")
        # Two at a time on a small machine: one compiles while the other computes.
        threads: max(1, min(4, CORES // 2))
        resources:
            **resources_of("sample-grid", settings.latent, settings.evaluation.gpus),
        params:
            options=JOBS.options_of_all("sample-grid", map(files.samples, points)),
        message:
            f"Generate the samples of {experiment}/{job}"
        shell:
            "python -m odelt --log {log} sample-grid {params.options}"
