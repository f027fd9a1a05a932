"""SD-VAE's encoder in JAX, with random weights: what the released code runs on every batch that it trains on.

Its sizes are those of `stabilityai/sd-vae-ft-mse` (SPEC 7): 128, 256, 512 and 512 channels, two residual blocks at each
of four resolutions, one attention layer in the middle, to 4 means and 4 log-variances. Nobody's images are encoded with
it: the project's own encoder is diffusers', and only its cost is wanted here, inside the program of a training step.
"""

import math

import jax
import jax.numpy as jnp

CHANNELS = (128, 256, 512, 512)
BLOCKS = 2  # at each resolution
GROUPS = 32
MOMENTS = 8
FACTOR = 8  # an image's side over its latent's


def weights(key: jax.Array) -> dict:
    """Random float32 weights, as a nested dict; kernels [height, width, in, out]."""
    keys = iter(jax.random.split(key, 128))

    def conv(size: int, into: int, out: int) -> dict:
        kernel = jax.random.normal(next(keys), (size, size, into, out)) / math.sqrt(size * size * into)
        return {"kernel": kernel, "bias": jnp.zeros(out)}

    def norm(channels: int) -> dict:
        return {"scale": jnp.ones(channels), "bias": jnp.zeros(channels)}

    def residual(into: int, out: int) -> dict:
        own = {"norm1": norm(into), "conv1": conv(3, into, out), "norm2": norm(out), "conv2": conv(3, out, out)}
        return own if into == out else {**own, "shortcut": conv(1, into, out)}

    def level(into: int, out: int, last: bool) -> dict:
        blocks = [residual(into if k == 0 else out, out) for k in range(BLOCKS)]
        return {"blocks": blocks} if last else {"blocks": blocks, "down": conv(3, out, out)}

    top = CHANNELS[-1]
    levels = [level(CHANNELS[max(0, k - 1)], out, last=k == len(CHANNELS) - 1) for k, out in enumerate(CHANNELS)]
    attention = {"norm": norm(top), **{name: conv(1, top, top) for name in ("query", "key", "value", "out")}}
    middle = {"first": residual(top, top), "attention": attention, "second": residual(top, top)}
    ends = {"in": conv(3, 3, CHANNELS[0]), "norm": norm(top), "out": conv(3, top, MOMENTS), "quantise": conv(1, 8, 8)}
    return {"levels": levels, "middle": middle, **ends}


def moments(p: dict, images: jax.Array, dtype: str) -> jax.Array:
    """float32 [N, H/8, W/8, 8]: mean, then log-variance, of images [N, H, W, 3], computed in `dtype`."""
    with jax.default_matmul_precision("float32"):
        h = _conv(p["in"], images.astype(dtype))
        for level in p["levels"]:
            for block in level["blocks"]:
                h = _residual(block, h)
            if "down" in level:
                h = _conv(level["down"], h, stride=2, padding=((0, 1), (0, 1)))
        h = _residual(p["middle"]["first"], h)
        h = _attention(p["middle"]["attention"], h)
        h = _residual(p["middle"]["second"], h)
        h = _conv(p["out"], jax.nn.silu(_norm(p["norm"], h)))
        return _conv(p["quantise"], h).astype(jnp.float32)


def _conv(p: dict, x: jax.Array, stride: int = 1, padding="SAME") -> jax.Array:
    made = jax.lax.conv_general_dilated(
        x, p["kernel"].astype(x.dtype), (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return made + p["bias"].astype(x.dtype)


def _norm(p: dict, x: jax.Array) -> jax.Array:
    """Group normalisation; its statistics in float32."""
    groups = x.reshape(*x.shape[:-1], GROUPS, -1).astype(jnp.float32)
    mean = groups.mean(axis=(1, 2, 4), keepdims=True)
    variance = groups.var(axis=(1, 2, 4), keepdims=True)
    normal = ((groups - mean) * jax.lax.rsqrt(variance + 1e-6)).reshape(x.shape)
    return (normal * p["scale"] + p["bias"]).astype(x.dtype)


def _residual(p: dict, x: jax.Array) -> jax.Array:
    h = _conv(p["conv1"], jax.nn.silu(_norm(p["norm1"], x)))
    h = _conv(p["conv2"], jax.nn.silu(_norm(p["norm2"], h)))
    return h + (_conv(p["shortcut"], x) if "shortcut" in p else x)


def _attention(p: dict, x: jax.Array) -> jax.Array:
    a = _norm(p["norm"], x)
    q, k, v = (_conv(p[name], a).reshape(x.shape[0], -1, 1, x.shape[-1]) for name in ("query", "key", "value"))
    return x + _conv(p["out"], jax.nn.dot_product_attention(q, k, v).reshape(x.shape))
