import importlib.util
import os
import subprocess
import sys
import types

import pytest

from ds2np.errors import UserError
from ds2np.parallel import choose, connect, local_rank
from ds2np.parallel.communicator import Communicator
from ds2np.parallel.mpi import MPICommunicator

LAUNCHERS = [
    *(*choose.MPI_SIZES, *choose.LOCAL_RANKS, *choose.TASKS, *choose.TASK_RANKS),
    *("WORLD_SIZE", "RANK", "SLURM_STEP_ID"),
]


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch):
    for name in LAUNCHERS:
        monkeypatch.delenv(name, raising=False)


def modules_after(code):
    code = f"import sys; {code}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_a_single_process_needs_no_library():
    modules = modules_after("from ds2np.parallel import connect; connect(); connect(True)")
    assert not modules & {"mpi4py", "cupy"}


@pytest.mark.parametrize("name", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "WORLD_SIZE"])
def test_one_of_one_is_a_single_process(name, monkeypatch):
    monkeypatch.setenv(name, "1")
    for on_gpu in (False, True):
        assert type(connect(on_gpu)) is Communicator


@pytest.mark.parametrize("name", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE"])
def test_missing_mpi4py_is_reported(name, monkeypatch):
    monkeypatch.setenv(name, "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(UserError, match="started 4 processes, but mpi4py is not installed; pip"):
        connect()


class MPI4PyWithoutMPI:
    __path__ = ()

    @property
    def MPI(self):
        raise RuntimeError("cannot load MPI library\nlibmpi.so: no such file")


def test_a_missing_mpi_library_is_reported(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", MPI4PyWithoutMPI())
    with pytest.raises(UserError, match=r"no MPI library \(cannot load MPI library\); pip install"):
        connect()


class WorldOfOne:
    size = 1


class OtherMPI:
    COMM_WORLD = WorldOfOne

    @staticmethod
    def Is_initialized():
        return True

    @staticmethod
    def Get_library_version():
        return "MPICH Version: 9\0\nand so on"


def test_the_mpiexec_of_another_mpi_is_reported(monkeypatch):
    class MPI4Py:
        MPI = OtherMPI

    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", MPI4Py)
    with pytest.raises(UserError, match=r"mpi4py's library \(MPICH Version: 9\) sees 1; the two"):
        connect()


class MPIOfFour:
    class COMM_WORLD:
        size, rank = 4, 0

    @staticmethod
    def Is_initialized():
        return True


def test_an_initialised_mpi_is_used(monkeypatch):
    class MPI4Py:
        MPI = MPIOfFour

    monkeypatch.setitem(sys.modules, "mpi4py", MPI4Py)
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", MPIOfFour)
    made = []
    monkeypatch.setattr(MPICommunicator, "__init__", lambda self, timeout: made.append(timeout))
    assert isinstance(connect(timeout=5), MPICommunicator)
    assert made == [5]


def test_an_initialised_mpi_of_one_is_not_all_that_mpiexec_started(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", types.SimpleNamespace(MPI=OtherMPI))
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", OtherMPI)
    with pytest.raises(UserError, match=r"started 4 processes, but .* sees 1"):
        connect()


@pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None, reason="mpi4py is not installed")
def test_the_fakes_are_like_mpi4py():
    code = """if True:
        from mpi4py import MPI
        world, version = MPI.COMM_WORLD, MPI.Get_library_version()
        print(*(type(x).__name__ for x in (world.size, world.rank, version, MPI.Is_initialized())))
    """

    def run(**variables):
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    real = run()
    if "cannot load MPI library" in real.stderr:
        pytest.skip("there is no MPI library")
    fakes = (MPIOfFour.COMM_WORLD.size, MPIOfFour.COMM_WORLD.rank)
    fakes += (OtherMPI.Get_library_version(), MPIOfFour.Is_initialized())
    assert real.stdout.split() == [type(fake).__name__ for fake in fakes]
    missing = run(MPI4PY_LIBMPI="/no/libmpi.so").stderr  # read by the wheels of mpi4py
    assert not missing or "RuntimeError: cannot load MPI library\n" in missing


ONE_OF_MANY = {
    "SLURM_STEP_NUM_TASKS is 4": {"SLURM_PROCID": 0, "SLURM_STEP_ID": 0, "SLURM_NTASKS": 4}
    | {"SLURM_STEP_NUM_TASKS": 4},
    "FLUX_JOB_SIZE is 4": {"FLUX_JOB_SIZE": 4, "FLUX_TASK_RANK": 0, "PMI_RANK": 0},
    "PMIX_RANK is 3": {"PMIX_RANK": 3, "PMIX_NAMESPACE": "job"},
    "PMI_RANK is 3": {"PMI_RANK": 3},
    "SLURM_PROCID is 3": {"SLURM_PROCID": 3},
}


@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize("found", ONE_OF_MANY)
def test_tasks_that_nothing_connects_are_refused(found, on_gpu, monkeypatch):
    for name, value in ONE_OF_MANY[found].items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(UserError, match=f"^{found}.*: mpiexec -n 4 python -m ds2np"):
        connect(on_gpu)


ALONE = {
    "a shell of salloc": {"SLURM_NTASKS": 4, "SLURM_NPROCS": 4, "SLURM_JOB_ID": 7},
    "a batch script": {"SLURM_NTASKS": 4, "SLURM_PROCID": 0, "SLURM_STEP_ID": 4294967291}
    | {"SLURM_STEP_NUM_TASKS": 4},
    "an interactive step": {"SLURM_STEP_ID": 4294967290, "SLURM_STEP_NUM_TASKS": 2},
    "a step of one task": {"SLURM_STEP_ID": 0, "SLURM_PROCID": 0, "SLURM_STEP_NUM_TASKS": 1}
    | {"PMIX_RANK": 0, "SLURM_NTASKS": 4},
    "mpiexec on one of many nodes": {"PMI_SIZE": 1, "PMI_RANK": 0, "SLURM_STEP_NUM_TASKS": 2}
    | {"SLURM_PROCID": 1, "SLURM_STEP_ID": 0},
    "one process of torchrun": {"WORLD_SIZE": 1, "RANK": 0, "SLURM_STEP_NUM_TASKS": 2},
}


@pytest.mark.parametrize("launcher", ALONE)
def test_one_task_of_a_launcher_is_a_single_process(launcher, monkeypatch):
    for name, value in ALONE[launcher].items():
        monkeypatch.setenv(name, str(value))
    assert type(connect()) is Communicator


def test_processes_on_cpus_need_mpiexec(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UserError, match=r"WORLD_SIZE is 4, but .*: mpiexec -n 4 python -m ds2np"):
        connect()


@pytest.mark.parametrize("text", ["", "four", "-1", "1.5"])
def test_a_variable_that_is_not_a_number_is_named(text, monkeypatch):
    monkeypatch.setenv("PMI_SIZE", text)
    with pytest.raises(UserError, match=f"PMI_SIZE is {text!r}; expected a whole number"):
        connect()


@pytest.mark.parametrize("name", choose.LOCAL_RANKS)
def test_the_local_rank(name, monkeypatch):
    assert local_rank() == 0
    monkeypatch.setenv(name, "3")
    assert local_rank() == 3


@pytest.mark.parametrize(
    ("name", "rank", "chosen"),
    [
        ("auto", "2", "cuda:2"),
        ("cuda", "1", "cuda:1"),
        ("cuda:0", "1", "cuda:0"),
        ("cpu", "1", "cpu"),
        ("auto", None, "auto"),
    ],
)
def test_each_process_takes_its_own_gpu(monkeypatch, name, rank, chosen):
    monkeypatch.setattr(choose, "has_gpu", lambda: True)
    monkeypatch.setattr(choose, "choose_device", lambda name: name)
    for variable in choose.LOCAL_RANKS:
        monkeypatch.delenv(variable, raising=False)
    if rank:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert choose.choose_own_device(name) == chosen
