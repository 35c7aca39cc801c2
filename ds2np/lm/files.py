"""Language models in files: which form a file has, or gets by its name."""

from pathlib import Path

from ds2np.errors import UserError
from ds2np.lm.arpa import read_arpa
from ds2np.lm.arpa_writing import write_arpa
from ds2np.lm.compact import MAGIC, read_compact, write_compact

KENLM = b"mmap lm http"  # how KenLM's binary files begin
ARPA_SUFFIXES = (".arpa", ".gz", ".txt")


def read_model(path, units, space, log):
    """Read a model in any form; the parameters are those of `NGram.load`.

    Returns
    -------
    Tables
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            begin = file.read(len(KENLM))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    if not begin:
        raise UserError(f"{path} is empty; expected a language model")
    if begin == KENLM:
        raise UserError(f"{path} is a binary file of KenLM; give the ARPA file it was made from")
    if not begin.startswith(MAGIC):
        return read_arpa(path, units, space, log)
    tables = read_compact(path)
    for name, wanted, has in (("units", units, tables.units), ("space", space, tables.space)):
        if wanted is not None and wanted != has:
            raise UserError(f"{path}: its {name} are {has!r}, not {wanted!r}")
    return tables


def write_model(tables, path):
    """Write a model in the form that the name of the file asks for."""
    path = Path(path)
    (write_arpa if path.suffix.lower() in ARPA_SUFFIXES else write_compact)(tables, path)
