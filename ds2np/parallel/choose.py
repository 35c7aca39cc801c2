"""Connect this process to the others of its run, however they were started.

Launchers such as mpiexec announce themselves in environment variables. mpi4py is imported only if
they do, because the import alone initialises MPI.
"""

import os
import sys

from ds2np.backend import choose_device, has_gpu
from ds2np.errors import UserError
from ds2np.parallel.communicator import TIMEOUT, Communicator
from ds2np.parallel.environment import number_from

MPI_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
LOCAL_RANKS = ("LOCAL_RANK", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK")

# Of launchers that start tasks without connecting them: how many there are, and the rank of one.
TASKS = ("SLURM_STEP_NUM_TASKS", "FLUX_JOB_SIZE")
TASK_RANKS = ("PMIX_RANK", "PMI_RANK", "SLURM_PROCID")
SLURM_SHELLS = 0xFFFFFFF0  # SLURM_STEP_ID from here on: batch scripts, interactive shells


def connect(on_gpu=False, timeout=TIMEOUT):
    """Return the communicator of this process.

    Several processes are started with ``mpiexec -n 4 python -m ds2np ...`` or, for GPUs, with any
    launcher that sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT.

    Parameters
    ----------
    on_gpu : bool
        The arrays to sum are on the current GPU, one per process; otherwise in main memory.
    timeout : float
        Seconds that a collective call waits before it names the missing ranks.

    Raises
    ------
    UserError
        If a library is missing, other processes do not connect, or this is one of several tasks
        that cannot be connected.
    """
    started = _started_by_mpi()
    if started > 1:
        communicator = _connect_by_mpi(started, timeout)
    elif (size := number_from("WORLD_SIZE", 1)) <= 1:
        _refuse_one_of_many()
        return Communicator()
    elif not on_gpu:
        raise UserError(
            f"WORLD_SIZE is {size}, but processes on CPUs are connected by MPI; "
            f"start them with: mpiexec -n {size} python -m ds2np ..."
        )
    else:
        from ds2np.parallel.rendezvous import Rendezvous

        communicator = Rendezvous.from_environment(timeout)
    if not on_gpu:
        return communicator
    from ds2np.parallel.nccl import NCCLCommunicator

    try:
        return NCCLCommunicator(communicator)
    except BaseException as error:
        communicator.fail(error)
        raise


def local_rank():
    """Return the rank of this process on its machine, to choose its GPU."""
    return next((number_from(name) for name in LOCAL_RANKS if name in os.environ), 0)


def choose_own_device(name):
    """Choose the device of this process, as `ds2np.backend.choose_device` does.

    Each process of a machine takes its own GPU; one given by its number is used by all.
    """
    if name in ("auto", "cuda") and has_gpu() and any(r in os.environ for r in LOCAL_RANKS):
        name = f"cuda:{local_rank()}"
    return choose_device(name)


def _started_by_mpi():
    """Return how many processes mpiexec started, without initialising MPI."""
    started = max(number_from(name, 1) for name in MPI_SIZES)
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and mpi.Is_initialized():
        return max(started, mpi.COMM_WORLD.size)
    return started


def _refuse_one_of_many():
    """Refuse to run alone if a launcher says that this is one of several tasks.

    Each would train for itself, in the folder of all.
    """
    if any(name in os.environ for name in (*MPI_SIZES, "WORLD_SIZE")):
        return  # it says that there is one
    if number_from("SLURM_STEP_ID", 0) >= SLURM_SHELLS:
        return
    for name in TASKS:
        if name in os.environ:
            if (tasks := number_from(name)) == 1:
                return
            raise UserError(
                f"{name} is {tasks}, but nothing connects these {tasks} tasks; start them from "
                f"one task with: mpiexec -n {tasks} python -m ds2np ..."
            )
    for name in TASK_RANKS:
        if rank := number_from(name, 0):
            raise UserError(
                f"{name} is {rank}, so there are several tasks, but nothing connects them; start "
                f"them from one task with: mpiexec -n {rank + 1} python -m ds2np ..."
            )


def _connect_by_mpi(started, timeout):
    from ds2np.parallel.mpi import MPICommunicator

    try:
        from mpi4py import MPI
    except ImportError as error:
        missing = "mpi4py is not installed" if error.name == "mpi4py" else f"{error}"
        raise UserError(
            f"mpiexec has started {started} processes, but {missing}; pip install mpi4py mpich"
        ) from None
    except RuntimeError as error:  # mpi4py without an MPI library
        reason = str(error).splitlines()[0]
        raise UserError(
            f"mpiexec has started {started} processes, but mpi4py finds no MPI library "
            f"({reason}); pip install mpich"
        ) from None
    if MPI.COMM_WORLD.size != started:
        library = MPI.Get_library_version().splitlines()[0].strip("\0 ")
        raise UserError(
            f"mpiexec has started {started} processes, but mpi4py's library ({library}) sees "
            f"{MPI.COMM_WORLD.size}; the two belong to different MPIs: use the mpiexec beside "
            f"{sys.executable}"
        )
    return MPICommunicator(timeout)
