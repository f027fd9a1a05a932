# The reproduction as a workflow. config/config.yaml names the suite; every rule calls one `odelt` verb.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/sampling.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/publishing.smk"


rule all:
    default_target: True
    input:
        "<results>/report.html",
