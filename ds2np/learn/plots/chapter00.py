"""A spectrogram with the characters of its transcript where they are heard."""

from ds2np.train.plots import plot_spectrogram


def plot_spoken(spectrogram, text, times, stride_ms, sample_rate, axis):
    """Draw a spectrogram, a line where each character starts, and the character above it.

    Parameters
    ----------
    spectrogram : ndarray of shape (T, F)
    text : str
        Of L characters.
    times : ndarray of shape (L, 2)
        Start and end of each character in seconds, as `Alignment.times` returns them.
    stride_ms : float
        From one window to the next.
    sample_rate : int
        In hertz.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    plot_spectrogram(spectrogram, stride_ms, sample_rate, axis)
    axis.images[0].set_interpolation("nearest")
    for character, (start, end) in zip(text, times, strict=True):
        axis.axvline(start, color="white", lw=0.8)
        axis.annotate(
            character.replace(" ", "␣"),
            ((start + end) / 2, 1.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontweight="bold",
            annotation_clip=False,
        )
    return axis
