"""The kinds of datasets (SPEC 7): a file for each, and a line in KINDS. No other module compares their names.

A file declares its `Kind` without importing jax, TensorFlow, scikit-learn or Pillow, so that the configuration can be
checked in every environment. Its functions import what they need when they are called.
"""

from odelt.kinds import celebahq, digits, folder, imagenet
from odelt.kinds.kind import DatasetSettings, Kind, check_classes

KINDS = {
    kind.name: kind
    for kind in (
        digits.KIND,
        folder.KIND,
        celebahq.KIND,
        imagenet.KIND,
    )
}

__all__ = ["KINDS", "DatasetSettings", "Kind", "check_classes"]
