"""The phases of a distillation and of consistency training (SPEC 4.7)."""

PHASES = 7  # one for each halving or doubling of a step size, from 2^-6 to 1


def phase_at(step, steps: int):
    """Returns the phase 0..6 of a step, floor(step / (steps / 7)), and whether it begins there.

    `step` is 0..steps − 1, an integer or an array of them.
    """
    phase = PHASES * step // steps
    return phase, phase != PHASES * (step - 1) // steps
