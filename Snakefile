# The reproduction as a workflow. config/config.yaml names the suite; every rule calls one `odelt` verb.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/sources.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/sampling.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/publishing.smk"
include: "workflow/rules/latency.smk"
include: "workflow/rules/provenance.smk"
include: "workflow/rules/benchmarks.smk"


rule all:
    default_target: True
    input:
        # Named one by one, so that what was deleted is made again, also where what was made from it is still there.
        [files.table(name, "csv") for files in PATHS_OF.values() for name in paths.TABLES_OF_EXPERIMENT],
        [files.figure(name, paths.PNG) for files in PATHS_OF.values() for name in paths.FIGURES_OF_EXPERIMENT],
        [PATHS.table(name, ending) for name in OF_SUITE for ending in ("csv", "md")],
        JOBS.of_all(inputs.chain),
        [PATHS.codec_error(settings.dataset) for settings in EXPERIMENTS.values() if settings.latent],
        RESULTS / paths.SUITE,
        PATHS.table(paths.VERDICTS, "json"),
        PATHS.crate,
        PATHS.audit_page,
        PATHS.report,


onstart:
    # Of every rule that does not say otherwise; `--retries N` asks for more.
    workflow.execution_settings.retries = max(workflow.execution_settings.retries, JOBS.retries)
    doctor.start_or_exit(
        SUITE,
        [doctor.Job(job.rule.name, str(job.output[0])) for job in workflow.dag.needrun_jobs() if job.output],
        gpu=workflow.local_exec,
        packages=not uses_conda(),
    )
    own_files.remember(SUITE)


onsuccess:
    keep_snapshot()


onerror:
    keep_snapshot()
    logger.info("Finished work is kept; the same command goes on with the rest.")
