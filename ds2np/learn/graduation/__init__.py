"""The graduation: train a network with the reader's own functions, and transcribe speech.

Each correct answer in the reader's file replaces the corresponding function of the package. The
package supplies the rest, so one answer is enough. An answer that turns out faulty in the middle is
named with its line, and the package's function takes over.
"""

from ds2np.learn.graduation.run import graduate

__all__ = ["graduate"]
