"""The packages: those in ds2np, and the book, so that an installed copy has its chapters, too."""

from setuptools import find_packages, setup

BOOK = "ds2np.learn.chapters"
setup(packages=[*find_packages(include=["ds2np*"]), BOOK], package_dir={BOOK: "chapters"})
