"""Is a backward pass right? Finite differences, over every layer of the package or one of yours."""

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
