"""The rooms of PyTorch: the VAE between images and latents (SPEC 7) and the Inception networks of FID (SPEC 6).

Both are kept by others (diffusers, clean-fid). Here they get batches, and what they make stays on the device until it
is asked for. On a GPU a call returns before its work is done, so that the next batch is prepared meanwhile.

Three precisions. `float32` keeps products whole. `tf32` rounds their factors to 10 bits behind the point, and adds in
float32; only GPUs of compute capability 8 and more have it, and elsewhere it is `float32`. JAX does the same by
default. `bfloat16` is PyTorch's mixed precision (autocast). On one machine each gives the same bits every time.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from odelt.config import Precision

AUTOTUNED = False  # whether cuDNN tries its kernels and takes the fastest: another one in another process, perhaps
HAS_TF32 = (8, 0)  # compute capability


def device_of(name: str | None = None) -> torch.device:
    """The named device, or by default the GPU where there is one."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def precision_on(device: torch.device, asked: Precision) -> Precision:
    """The precision in which a device computes that is asked for this one."""
    has_tf32 = device.type == "cuda" and torch.cuda.get_device_capability(device) >= HAS_TF32
    return "float32" if asked == "tf32" and not has_tf32 else asked


@contextlib.contextmanager
def computing(device: torch.device, precision: Precision) -> Iterator[None]:
    """Within the block networks compute in a precision that the device has, without gradients."""
    tf32, matmul = precision == "tf32", torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, tf32
    try:
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, deterministic=not AUTOTUNED, benchmark=AUTOTUNED, allow_tf32=tf32),
            torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"),
        ):
            yield
    finally:
        matmul.allow_tf32 = before


def host_buffer(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Memory of the host from and to which the device copies without holding up its caller."""
    return torch.empty(tuple(shape), dtype=dtype, pin_memory=device.type == "cuda")


def upload(arrays: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """float32 [N, C, H, W] on the device, of [N, H, W, C]; in memory the channels stay last.

    An array is copied first. A `host_buffer` is not, and may not be written any more.
    """
    if isinstance(arrays, np.ndarray):
        buffer = host_buffer(arrays.shape, torch.float32, device)
        buffer.numpy()[...] = arrays
    else:
        buffer = arrays
    return buffer.to(device, non_blocking=True).permute(0, 3, 1, 2)


class Readback:
    """A tensor on its way to the host. Any thread may ask for its `array`, and waits until it is there."""

    def __init__(self, tensor: torch.Tensor):
        self._copy = host_buffer(tensor.shape, tensor.dtype, tensor.device)
        self._copy.copy_(tensor, non_blocking=True)
        self._arrived = torch.cuda.Event() if tensor.is_cuda else None
        if self._arrived:
            self._arrived.record()

    @property
    def array(self) -> np.ndarray:
        if self._arrived:
            self._arrived.synchronize()
        return self._copy.numpy()


def in_parts(network: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, size: int) -> torch.Tensor:
    """`network(x)`, at most `size` rows at a time."""
    made = [network(part) for part in x.split(size)]
    return made[0] if len(made) == 1 else torch.cat(made)
