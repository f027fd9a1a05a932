rule prepare_data:
    input:
        JOBS.downloaded_images,
    output:
        ANY_DATASET.small,
    log:
        "<logs>/datasets/{dataset}/prepare_data.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/prepare_data.tsv"
    conda:
        environment_of("prepare-data")
    resources:
        **resources_of("prepare-data"),
    params:
        options=JOBS.options("prepare-data", ANY_DATASET.small),
        own_files=JOBS.own_files,
        source=JOBS.source,
    message:
        "Write the dataset {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} prepare-data {params.options} {params.source}"


rule prepare_images:
    input:
        JOBS.downloaded_images,
    output:
        temp(directory(ANY_DATASET.images)),
    log:
        "<logs>/datasets/{dataset}/prepare_images.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/prepare_images.tsv"
    conda:
        environment_of("prepare-images")
    threads: min(4, CORES)
    resources:
        **resources_of("prepare-images"),
    params:
        options=JOBS.options("prepare-images", ANY_DATASET.images),
        own_files=JOBS.own_files,
        source=JOBS.source,
    message:
        "Write the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} prepare-images {params.options} {params.source}"


rule encode:
    input:
        images=JOBS.images,
        vae=lambda w: PATHS.codec(JOBS.user(w)),
    output:
        temp(directory(ANY_DATASET.latents)),
    log:
        "<logs>/datasets/{dataset}/encode.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/encode.tsv"
    conda:
        environment_of("encode")
    threads: min(8, CORES)
    resources:
        **resources_of("encode"),
    params:
        options=JOBS.options("encode", ANY_DATASET.latents),
        own_files=JOBS.own_files,
    message:
        "Encode {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} encode {params.options} --images {input.images:q} --vae {input.vae}"


rule codec_error:
    input:
        unpack(lambda w: PATHS.inception(JOBS.user(w))),
        images=JOBS.images,
        vae=lambda w: PATHS.codec(JOBS.user(w)),
    output:
        ANY_DATASET.codec_error,
    log:
        "<logs>/datasets/{dataset}/codec_error.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/codec_error.tsv"
    conda:
        environment_of("codec-error")
    threads: min(8, CORES)
    resources:
        **resources_of("codec-error"),
    params:
        options=JOBS.options("codec-error", ANY_DATASET.codec_error),
        own_files=JOBS.own_files,
    message:
        "What each precision does to the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} codec-error {params.options} --images {input.images:q} --vae {input.vae}"
        " --weights {input.weights} --torchscript {input.torchscript}"
