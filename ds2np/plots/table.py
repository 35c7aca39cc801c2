"""A table of numbers over time as an image: spectrograms, states, filters."""

SHADES = 16  # few, to keep the images in notebooks small


def draw_table(
    table, axis, width=None, height=None, limits=(None, None), colormap="magma", shades=SHADES
):
    """Draw table (T, F) with time to the right and rows upwards; return the AxesImage.

    Parameters
    ----------
    width, height : float, optional
        Ends of the axes; T and F by default.
    limits : tuple of two floats or None
        The values drawn darkest and lightest; the extremes of the table by default.
    colormap, shades : str, int
        Of matplotlib, and how many of its colours are used.
    """
    import matplotlib.pyplot as plt

    T, F = table.shape
    return axis.imshow(
        table.T,
        origin="lower",
        aspect="auto",
        cmap=plt.get_cmap(colormap, shades),
        extent=(0, width or T, 0, height or F),
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
    )
