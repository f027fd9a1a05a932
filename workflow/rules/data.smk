rule prepare_data:
    output:
        "<results>/{experiment}/data/dataset.npz",
    log:
        "<logs>/{experiment}/prepare_data.log",
    benchmark:
        "<benchmarks>/{experiment}/prepare_data.tsv"
    conda:
        "../../envs/jax.yaml"
    params:
        dataset=lambda w: settings_of(w).dataset,
    message:
        "Write the dataset of {wildcards.experiment}"
    shell:
        "python -m odelt --log {log} prepare-data --dataset {params.dataset} --out {output}"
