"""A number for each time and each row, as an image: spectrograms, states, filters."""

SHADES = 16  # few, so that the pictures of notebooks stay small


def draw_table(
    table, axis, width=None, height=None, limits=(None, None), colormap="magma", shades=SHADES
):
    """Draw a table, time to the right and its rows upwards.

    Parameters
    ----------
    table : ndarray of shape (T, F)
    axis : matplotlib Axes
    width, height : float, optional
        Where the axes end; T and F if left out.
    limits : tuple of two floats or None
        What is drawn darkest and lightest; the extremes of the table if left out.
    colormap : str
        Of matplotlib.
    shades : int
        How many of its colours are used.

    Returns
    -------
    matplotlib AxesImage
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
