"""The solutions of the exercises in CUDA are CUDA: they run on a GPU and give the same."""

import runpy

import numpy as np
import pytest

from ds2np.backend import why_no_gpu
from ds2np.learn.book import FOLDER
from ds2np.learn.difference import Rules, find_difference
from ds2np.learn.exercise import SEEDS
from ds2np.learn.exercises.chapter12 import EXERCISES
from ds2np.learn.kernel_exercise import KernelExercise

KERNELS = [exercise for exercise in EXERCISES if isinstance(exercise, KernelExercise)]


@pytest.mark.gpu
@pytest.mark.parametrize("exercise", KERNELS, ids=[exercise.number for exercise in KERNELS])
def test_the_solution_runs_on_a_gpu(exercise):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    import cupy

    source = runpy.run_path(str(FOLDER / "solutions" / "12_gpu.py"))[exercise.function]()
    kernel = cupy.RawModule(code=source).get_function(exercise.kernel)
    for seed in SEEDS:
        for case, arguments in exercise.cases(np.random.default_rng(seed)).items():
            launch = exercise.launch(*arguments)
            given = {
                name: cupy.asarray(value) if isinstance(value, np.ndarray) else value
                for name, value in launch.given.items()
            }
            sizes = (launch.blocks,), (launch.threads,)
            kernel(*sizes, tuple(given.values()), shared_mem=launch.shared_bytes)
            (name,) = launch.results
            expected = exercise.reference(*arguments)
            assert not find_difference(given[name].get(), expected, Rules(1e-5)), case
