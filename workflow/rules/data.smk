rule prepare_data:
    output:
        "<results>/datasets/{dataset}/dataset.npz",
    log:
        "<logs>/datasets/{dataset}/prepare_data.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/prepare_data.tsv"
    retries: RETRIES
    conda:
        "../../envs/jax.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        settings=lambda w: as_json(SUITE.datasets[w.dataset]),
        own_files=own_files_of,
    message:
        "Write the dataset {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} prepare-data --settings {params.settings:q} --out {output}"


rule prepare_images:
    input:
        downloaded_images_of,
    output:
        temp(directory("<results>/datasets/{dataset}/images")),
    log:
        "<logs>/datasets/{dataset}/prepare_images.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/prepare_images.tsv"
    retries: RETRIES
    conda:
        "../../envs/data.yaml"
    threads: min(4, CORES)
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=0,
    params:
        settings=lambda w: as_json(SUITE.datasets[w.dataset]),
        own_files=own_files_of,
        source=lambda w, input: f"--source {input[0]}" if input else "",
    message:
        "Write the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} prepare-images --settings {params.settings:q} {params.source} --out {output}"


rule encode:
    input:
        images=images_of,
        vae=lambda w: codec_of(user_of(w)),
    output:
        temp(directory("<results>/datasets/{dataset}/latents")),
    log:
        "<logs>/datasets/{dataset}/encode.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/encode.tsv"
    retries: RETRIES
    conda:
        "../../envs/vision.yaml"
    threads: min(8, CORES)
    resources:
        mem_mb=16000,
        runtime=1440,
        gpu=1,
    params:
        settings=lambda w: as_json(SUITE.datasets[w.dataset]),
        own_files=own_files_of,
        codec=lambda w: as_json(user_of(w).codec),
    message:
        "Encode {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} encode --settings {params.settings:q} --images {input.images:q} --vae {input.vae}"
        " --codec {params.codec:q} --out {output}"


rule codec_error:
    input:
        images=images_of,
        vae=lambda w: codec_of(user_of(w)),
    output:
        "<results>/datasets/{dataset}/codec.json",
    log:
        "<logs>/datasets/{dataset}/codec_error.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/codec_error.tsv"
    retries: RETRIES
    conda:
        "../../envs/vision.yaml"
    threads: min(8, CORES)
    resources:
        mem_mb=16000,
        runtime=60,
        gpu=1,
    params:
        settings=lambda w: as_json(SUITE.datasets[w.dataset]),
        own_files=own_files_of,
        number=lambda w: user_of(w).codec.batch_size,
    message:
        "What mixed precision does to the latents of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} codec-error --settings {params.settings:q} --images {input.images:q} --vae {input.vae}"
        " --count {params.number} --out {output}"
