"""How a training batch is shared out (SPEC 4, 9.5): rows by target, and the images they are made of."""

from odelt.config import Training


def rows_of_time(training: Training) -> int:
    """Rows with a time-consistency target: B/8 of the shortcut objective."""
    return training.batch_size // 8 if training.objective == "shortcut" else 0


def images_of_time(training: Training) -> int:
    """Images that these rows are made of; each guided one makes two rows."""
    return rows_of_time(training) // (2 if training.bootstrap == "guided" else 1)


def length_rows(training: Training, inner_ode: bool) -> int:
    """Rows with a length-consistency target, the last of the batch."""
    return round(training.batch_size * training.length_share) if inner_ode else 0


def images_per_step(training: Training) -> int:
    """Images a step takes from the loader: disjoint ones unless the released behaviour is asked for."""
    flow = training.batch_size - rows_of_time(training)
    return flow + (images_of_time(training) if training.images == "disjoint" else 0)
