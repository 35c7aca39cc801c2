"""Gradient checks by finite differences, as used in chapters 02 to 05."""

from ds2np.gradcheck.numerical import (
    TOLERANCE,
    Comparison,
    check_gradients,
    check_layer,
    check_model,
    compare_gradients,
    numerical_gradient,
    perturb,
)

__all__ = [
    "TOLERANCE",
    "Comparison",
    "check_gradients",
    "check_layer",
    "check_model",
    "compare_gradients",
    "numerical_gradient",
    "perturb",
]
