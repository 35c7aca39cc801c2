"""Find out who has started this process, and connect it to the others.

mpiexec and its relatives tell a process by environment variables that it is one of many. mpi4py is
imported only then: the import alone initialises MPI.
"""

import os
import sys

from ds2np.backend import choose_device, has_gpu
from ds2np.errors import UserError
from ds2np.parallel.communicator import TIMEOUT, Communicator
from ds2np.parallel.environment import number_from

MPI_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
LOCAL_RANKS = ("LOCAL_RANK", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK")


def connect(on_gpu=False, timeout=TIMEOUT):
    """Connect this process to the others of its run.

    Several processes are started with ``mpiexec -n 4 python -m ds2np ...``. For GPUs any launcher
    will do that sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT.

    Parameters
    ----------
    on_gpu : bool
        The arrays to add up are on the current GPU, one for each process; otherwise in main memory.
    timeout : float
        Seconds that a collective call waits before it names the ranks that have not come.

    Returns
    -------
    Communicator

    Raises
    ------
    UserError
        If a library is missing, or the others do not come.
    """
    started = _started_by_mpi()
    if started > 1:
        communicator = _connect_by_mpi(started, timeout)
    elif (size := number_from("WORLD_SIZE", 1)) <= 1:
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
    """Return which of the processes on its machine this one is, to choose its GPU."""
    return next((number_from(name) for name in LOCAL_RANKS if name in os.environ), 0)


def choose_own_device(name):
    """Choose where this process computes; of several on a machine, each takes a GPU of its own.

    Parameters
    ----------
    name : str
        As for `ds2np.backend.choose_device`; a GPU that is named by its number is taken by all.

    Returns
    -------
    callable

    Raises
    ------
    UserError
        If a GPU is asked for that is not there.
    """
    if name in ("auto", "cuda") and has_gpu() and any(r in os.environ for r in LOCAL_RANKS):
        name = f"cuda:{local_rank()}"
    return choose_device(name)


def _started_by_mpi():
    """Tell how many processes mpiexec has started, as far as it can be told without MPI."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and mpi.Is_initialized():
        return mpi.COMM_WORLD.size
    return max(number_from(name, 1) for name in MPI_SIZES)


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
            f"mpiexec has started {started} processes, but to mpi4py's library ({library}) each is "
            f"alone: the two belong to different MPIs; use the mpiexec beside {sys.executable}"
        )
    return MPICommunicator(timeout)
