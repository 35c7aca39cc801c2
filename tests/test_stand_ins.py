"""Small stand-ins of other tests, held against the libraries that they replace.

Those of CuPy and of mpi4py are held where they are used, in `tests/parallel` and `tests/learn`.
"""

import ctypes
import platform
import shutil
import sys
from pathlib import Path

import pytest

from ds2np import machine

sys.path.append(str(Path(__file__).parents[1] / "data_scripts"))


def test_the_free_space_of_a_disk(tmp_path):
    from data_scripts.test_download import Usage

    real = shutil.disk_usage(tmp_path)
    assert real._fields == Usage._fields
    assert {type(value) for value in real} == {int}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_glibc_knows_all_settings_of_its_memory():
    libc = ctypes.CDLL(None)
    settings = machine.M_MMAP_THRESHOLD, machine.M_TRIM_THRESHOLD
    assert [libc.mallopt(setting, 2**31 - 1) for setting in settings] == [1, 1]
    assert libc.mallopt(machine.M_TOP_PAD, 64 * 2**20) == 1


def test_the_fake_tensors_and_items_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare")
    from bench.test_bench import SMALL, Array

    from ds2np.bench import torch_side

    methods = {name for name in vars(Array) if not name.startswith("_")}
    assert methods <= set(dir(torch.Tensor))
    items = {name.partition("-")[0] for name in SMALL} - {"gru", "rnn", "training"}
    assert items | {"recurrent", "training_step"} <= set(dir(torch_side))
