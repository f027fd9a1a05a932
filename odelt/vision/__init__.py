"""The rooms of PyTorch: the VAE between images and latents (SPEC 7) and the Inception networks of FID (SPEC 6).

Both are kept by others (diffusers, clean-fid); here they are fed from arrays, batch by batch.
"""

from collections.abc import Callable

import numpy as np
import torch


def device_of(name: str | None = None) -> torch.device:
    """The named device, or by default the GPU where there is one."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def run(
    network: Callable[[torch.Tensor], torch.Tensor], arrays: np.ndarray, device: torch.device, batch_size: int
) -> np.ndarray:
    """What `network` makes of arrays [N, H, W, C], float32 [N, h, w, c] or [N, F]; it sees float32 [n, C, H, W].

    At most `batch_size` rows at a time are on the device. Convolutions keep float32 whole (no TF32), so that a GPU
    gives the numbers of a CPU up to rounding, and the same numbers every time.
    """
    made = []
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        for start in range(0, len(arrays), batch_size):
            rows = np.ascontiguousarray(arrays[start : start + batch_size], np.float32)
            result = network(torch.tensor(rows).to(device).permute(0, 3, 1, 2)).float()
            made.append((result.permute(0, 2, 3, 1) if result.ndim == 4 else result).cpu().numpy())
    return np.ascontiguousarray(np.concatenate(made))
