"""Checks of arguments that all functions of sound share."""

from ds2np.errors import UserError

FLOATS = ("float32", "float64")


def check_samples(samples):
    """Raise a ValueError unless samples are floats of shape (samples,)."""
    check_axes(samples, "samples")


def check_axes(x, *axes):
    """Raise a ValueError unless x is an array of float32 or float64 with these axes.

    The arithmetic of integers and of half precision would overflow, or round weights to 0.
    """
    dtype, shape = getattr(x, "dtype", type(x).__name__), getattr(x, "shape", "without a shape")
    if dtype not in FLOATS or len(shape) != len(axes):
        wanted = f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"
        advice = "; divide integers by their full scale" if "int" in str(dtype) else ""
        raise ValueError(
            f"expected floats of shape {wanted}, float32 or float64, got {dtype} {shape}{advice}"
        )


def check_between(name, value, low, high):
    """Raise a UserError unless a number lies within its limits; NaN does not."""
    if not low <= value <= high:
        raise UserError(f"{name} is {value}; expected {low} to {high}")
