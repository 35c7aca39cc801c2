"""Pictures of chapter 04: states over time, and gradients that grow or fade."""

from ds2np.learn.plots.table import draw_table

STYLES = ("-", "--", "-.", ":")


def plot_states(states, axis, title, ylabel, seconds=None):
    """Draw numbers over time as an image, large ones bright.

    Parameters
    ----------
    states : ndarray of shape (T, H)
    axis : matplotlib Axes
    title, ylabel : str
    seconds : float, optional
        From one frame to the next; without it the axis counts frames.

    Returns
    -------
    matplotlib Axes
    """
    draw_table(states, axis, len(states) * (seconds or 1))
    axis.set(title=title, ylabel=ylabel, xlabel="time (s)" if seconds else "frame")
    return axis


def plot_norms(norms, axis, title, xlabel, ylabel):
    """Draw several curves on a logarithmic axis, each in a style of its own.

    Parameters
    ----------
    norms : dict of str to sequence of float
        Under the name of each curve; numbers of 0 end it.
    axis : matplotlib Axes
    title, xlabel, ylabel : str

    Returns
    -------
    matplotlib Axes
    """
    for i, (name, values) in enumerate(norms.items()):
        shade = ("black", "dimgray")[i % 2]
        axis.semilogy(values, STYLES[i % len(STYLES)], color=shade, label=name)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axis.legend()
    return axis


def plot_reach(changes, axis, title):
    """Draw which frames of the output change with which frame of the input, and by how much.

    Parameters
    ----------
    changes : ndarray of shape (T, T)
        Row s: what a change of the input's frame s does to each frame of the output, as the
        logarithm to the base 10.
    axis : matplotlib Axes
    title : str

    Returns
    -------
    matplotlib AxesImage
    """
    T = len(changes)
    extent = (0.5, T + 0.5, 0.5, T + 0.5)
    image = axis.imshow(
        changes,
        origin="lower",
        cmap="gray_r",
        vmin=-6,
        vmax=0,
        extent=extent,
        interpolation="nearest",
    )
    axis.set(title=title, xlabel="frame of the output", ylabel="frame of the input")
    return image
