"""Real processes under mpiexec."""

import re

import numpy as np
import pytest

from ds2np.learn import simulate

ALL_CALLS = """
p, r = comm.size, comm.rank
for dtype in (np.float32, np.float64, np.int32, np.int64, np.uint8):
    x = np.arange(5).astype(dtype) + dtype(r)
    comm.sum(x)
    assert x.dtype == dtype
    assert x.tolist() == [p * i + p * (p - 1) // 2 for i in range(5)], x
whole = np.full(10, float(r))
comm.mean(whole[2:5])
assert whole.tolist() == [r] * 2 + [(p - 1) / 2] * 3 + [r] * 5, whole
matrix = np.full((2, 3), r, np.float32)
comm.broadcast(matrix)
assert not matrix.any()
one, none = np.array(2.0), np.zeros(0)
comm.sum(one), comm.sum(none)
assert one == 2 * p
first, second = np.ones(1000), np.full(3, 2.0)
handles = [comm.begin_sum(first), comm.begin_sum(second)]
handles[1].wait()
handles[0].wait()
assert set(first) == {p} and set(second) == {2 * p}
time.sleep(0.2 * r)
comm.barrier()
texts = ["\\u00e9" * k + "\\n" for k in range(p)]
assert comm.gather(texts[r]) == texts
assert comm.gather("") == [""] * p
assert comm.any(r == p - 1, False, True) == [True, False, True]
assert comm.is_main == (r == 0)
rough = np.random.default_rng(r).standard_normal(70_001).astype(np.float32)
comm.sum(rough)
assert len(set(comm.gather(rough.tobytes().hex()))) == 1
print("fine")
"""


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_all_calls(mpiexec, processes):
    result = mpiexec(processes, ALL_CALLS)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("fine") == processes


def test_two_simulated_machines(mpiexec):
    hosts = ("-launcher", "fork", "-hosts", "localhost,127.0.0.1", "-ppn", "1")
    result = mpiexec(2, ALL_CALLS, *hosts)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("fine") == 2


def test_the_simulations_sum_like_mpi(mpiexec, tmp_path):
    arrays = [np.random.default_rng(r).standard_normal(1001) for r in range(3)]
    result = mpiexec(
        3,
        "x = np.random.default_rng(comm.rank).standard_normal(1001)\n"
        "comm.sum(x)\n"
        f"comm.rank or np.save({str(tmp_path / 'sum.npy')!r}, x)",
    )
    assert result.returncode == 0, result.stderr
    expected = np.load(tmp_path / "sum.npy")
    for way in (simulate.naive, simulate.tree, simulate.ring):
        np.testing.assert_allclose(way(arrays)[0][2], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("late", [0, 2])
def test_a_late_rank_is_named(mpiexec, late):
    body = f"""
        comm.at("step 17")
        if comm.rank == {late}:
            time.sleep(25)
        handle = comm.begin_sum(np.ones(3))
        handle.wait()
    """
    result = mpiexec(3, f"if True:\n{body}", timeout=1)
    assert result.returncode == 2
    found = re.findall(r"^error: (.*)", result.stderr, re.MULTILINE)
    assert len(found) == 1, result.stderr
    assert re.match(rf"rank {late} of 3 \(host \S+\) has not reached step 17 within 1 s", found[0])
    assert "Traceback" not in result.stderr


def test_a_rank_just_in_time_is_not_missing(mpiexec):
    """Rank 1 has waited long when rank 0 arrives; rank 2 is only a little late."""
    result = mpiexec(3, "time.sleep([1.0, 0, 1.4][comm.rank])\ncomm.barrier()", timeout=1.6)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        ("UserError('line 7 is bad')", 2, "error: line 7 is bad"),
        ("ValueError('a bug')", 1, "ValueError: a bug"),
        ("SystemExit(3)", 3, ""),
    ],
)
def test_a_rank_that_raises_ends_all(mpiexec, raised, code, told):
    result = mpiexec(2, f"if comm.rank == 1:\n    raise {raised}\ncomm.barrier()")
    assert result.returncode == code
    assert result.stderr.count(told) == 1 or not told
    if code == 1:  # a bug
        assert re.search(r"error: rank 1 of 2 \(host \S+\) failed with ValueError", result.stderr)


def test_an_error_of_all_ranks_is_reported_once(mpiexec):
    result = mpiexec(4, "raise UserError('no such manifest')")
    assert result.returncode == 2
    assert result.stderr.count("error: no such manifest") == 1


@pytest.mark.parametrize(
    "end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0)"], ids=["killed", "vanished"]
)
def test_a_rank_that_is_killed_ends_all(mpiexec, end):
    result = mpiexec(3, f"if comm.rank == 2:\n    {end}\ncomm.barrier()")
    if "SIGKILL" in end:  # mpiexec may accept an exit code of 0
        assert result.returncode
    # Which rank it was is tested with the watcher: mpiexec kills the others within microseconds.
    assert re.search(
        r"error: rank \d of 3 \(host \S+\), process \d+, .*was the first", result.stderr
    )


def test_ranks_that_make_different_calls_are_reported(mpiexec):
    body = "comm.at('step 2')\ncomm.sum(np.ones(3 if comm.rank else 30_000))"
    result = mpiexec(2, body, timeout=2)
    assert result.returncode == 2
    # MPI notices it, or waits for ever.
    assert re.search("^error: (rank . of|all) 2 .*step 2", result.stderr, re.MULTILINE)


# The GPU is main memory here, and NCCL is MPI: only the connections are tested.
CUPY_OVER_MPI = """
import sys
import numpy as np
from mpi4py import MPI
from helpers import fake_cupy

class Connection(fake_cupy.NcclCommunicator):
    def __init__(self, ndev, commId, rank):
        super().__init__(ndev, commId, rank)
        self.world = MPI.COMM_WORLD.Dup()
        assert (ndev, rank) == (self.world.size, self.world.rank)

    def _meet(self, array, stream, combine):
        array[...] = combine(self.world.allgather(array.copy()))

    def abort(self):
        print("aborted", flush=True)

    destroy = abort

modules = fake_cupy.make_modules(Connection)
if MPI.COMM_WORLD.rank:
    modules["cupy.cuda.nccl"].get_unique_id = None  # rank 0 draws it
globals().update(vars(modules.pop("cupy")))
sys.modules |= modules
"""


@pytest.mark.parametrize("fails", [False, True])
def test_mpi_connects_gpus(mpiexec, tmp_path, fails):
    (tmp_path / "cupy.py").write_text(CUPY_OVER_MPI)
    body = f"""
        comm.close()
        gpus = connect(on_gpu=True)
        with gpus:
            assert type(gpus).__name__ == "NCCLCommunicator"
            assert gpus.gather("x" * gpus.rank) == ["", "x", "xx"]
            if {fails} and gpus.rank == 1:
                raise UserError("no more")
    """
    result = mpiexec(3, f"if True:\n{body}")
    assert (result.returncode, result.stdout.count("aborted")) == ((2, 1) if fails else (0, 3))
    assert result.stderr.count("error: no more") == fails
