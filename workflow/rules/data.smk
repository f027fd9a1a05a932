rule prepare_data:
    output:
        ANY_DATASET.small,
    log:
        "<logs>/datasets/{dataset}/prepare_data.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/prepare_data.tsv"
    retries: RETRIES
    conda:
        environment_of("prepare-data")
    threads: 1
    resources:
        **resources_of(),
    params:
        options=options_of("prepare-data", ANY_DATASET.small),
        own_files=own_files_of,
    message:
        "Write the dataset {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} prepare-data {params.options}"


rule prepare_images:
    input:
        downloaded_images_of,
    output:
        temp(directory(ANY_DATASET.images)),
    log:
        "<logs>/datasets/{dataset}/prepare_images.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/prepare_images.tsv"
    retries: RETRIES
    conda:
        environment_of("prepare-images")
    threads: min(4, CORES)
    resources:
        **resources_of(mem_mb=8000, minutes=1440),
    params:
        options=options_of("prepare-images", ANY_DATASET.images),
        own_files=own_files_of,
        source=lambda w, input: f"--source {input[0]}" if input else "",
    message:
        "Write the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} prepare-images {params.options} {params.source}"


rule encode:
    input:
        images=images_of,
        vae=lambda w: codec_of(user_of(w)),
    output:
        temp(directory(ANY_DATASET.latents)),
    log:
        "<logs>/datasets/{dataset}/encode.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/encode.tsv"
    retries: RETRIES
    conda:
        environment_of("encode")
    threads: min(8, CORES)
    resources:
        **resources_of(mem_mb=16000, minutes=1440, gpu=1),
    params:
        options=options_of("encode", ANY_DATASET.latents),
        own_files=own_files_of,
    message:
        "Encode {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} encode {params.options} --images {input.images:q} --vae {input.vae}"


rule codec_error:
    input:
        unpack(lambda w: inception_of(user_of(w))),
        images=images_of,
        vae=lambda w: codec_of(user_of(w)),
    output:
        ANY_DATASET.codec_error,
    log:
        "<logs>/datasets/{dataset}/codec_error.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}/codec_error.tsv"
    retries: RETRIES
    conda:
        environment_of("codec-error")
    threads: min(8, CORES)
    resources:
        **resources_of(mem_mb=16000, gpu=1),
    params:
        options=options_of("codec-error", ANY_DATASET.codec_error),
        own_files=own_files_of,
    message:
        "What each precision does to the images of {wildcards.dataset}"
    shell:
        "python -m odelt --log {log} codec-error {params.options} --images {input.images:q} --vae {input.vae}"
        " --weights {input.weights} --torchscript {input.torchscript}"
