"""NCCL's communicator, with threads as ranks and a fake CuPy that sums raw memory."""

import sys
import threading

import numpy as np
import pytest
from helpers import fake_cupy
from helpers.fake_cupy import Array, Device, NcclCommunicator
from helpers.signatures import assert_stands_in

from ds2np.backend import to_gpu, why_no_gpu
from ds2np.errors import UserError
from ds2np.files import locked
from ds2np.parallel.choose import connect
from ds2np.parallel.nccl import NCCLCommunicator
from ds2np.parallel.rendezvous import Rendezvous


class World:
    """The state shared by the ranks of one test."""

    def __init__(self):
        self.lock, self.calls, self.members, self.aborted = threading.Lock(), {}, {}, []
        self.error = None


class Connection(NcclCommunicator):
    """A rank that is a thread."""

    world = None

    def __init__(self, ndev, commId, rank):
        super().__init__(ndev, commId, rank)
        self.size, self.rank, self.count = ndev, rank, 0
        self.world.members[rank] = ndev

    def _meet(self, array, stream, combine):
        done = threading.Event()
        stream.work.append(done)
        with self.world.lock:
            here = self.world.calls.setdefault(self.count, {})
            here[self.rank] = array, done
            self.count += 1
            if len(here) == self.size:
                result = combine([here[rank][0].copy() for rank in range(self.size)])
                for each, done in here.values():
                    each[...] = result
                    done.set()

    def check_async_error(self):
        if self.world.error:
            raise RuntimeError(self.world.error)

    def abort(self):
        self.world.aborted.append(self.rank)


@pytest.fixture
def world(monkeypatch):
    world = World()
    modules = fake_cupy.make_modules(type("Connection", (Connection,), {"world": world}))
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    world.nccl = modules["cupy.cuda.nccl"]
    return world


def test_the_fakes_take_what_cupy_takes():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: the fakes are not compared")
    from cupy.cuda import nccl

    assert_stands_in(NcclCommunicator, nccl.NcclCommunicator)
    for name in ("Stream", "Event", "Device"):
        assert_stands_in(getattr(fake_cupy, name), getattr(cupy.cuda, name))
    assert_stands_in(fake_cupy.Array.get, cupy.ndarray.get)
    assert {"dtype", "size", "flags", "data"} <= set(dir(cupy.ndarray))
    assert hasattr(cupy.cuda.MemoryPointer, "ptr")
    assert hasattr(cupy.cuda.Stream.null, "ptr")
    assert hasattr(cupy.cuda, "get_current_stream")
    fake = fake_cupy.make_modules(Connection)["cupy.cuda.nccl"]
    assert_stands_in(fake.get_unique_id, nccl.get_unique_id)
    constants = {name: value for name, value in vars(fake).items() if name.startswith("NCCL_")}
    assert {name: getattr(nccl, name) for name in constants} == constants
    assert issubclass(nccl.NcclError, RuntimeError)
    if not nccl.available:
        pytest.skip("NCCL is not installed: its unique ID is not compared")
    unique_id = nccl.get_unique_id()
    assert (type(unique_id), len(unique_id)) == (bytes, len(fake_cupy.UNIQUE_ID))


def in_threads(size, port, function, timeout=10):
    """Run a function of a communicator on every rank; return what each returns or raises."""
    results = [None] * size

    def run(rank):
        meeting = Rendezvous(rank, size, "127.0.0.1", port, timeout)
        try:
            with NCCLCommunicator(meeting) as comm:
                results[rank] = function(comm)
        except Exception as error:
            results[rank] = error
        finally:
            meeting.close()

    threads = [threading.Thread(target=run, args=[rank]) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return results


@pytest.mark.parametrize("size", [1, 3])
def test_all_calls(world, port, size):
    def calls(comm):
        assert comm.size == size
        x = Array(np.arange(4, dtype=np.float32) + comm.rank)
        comm.mean(x)
        np.testing.assert_allclose(x.host, np.arange(4) + (size - 1) / 2)
        matrix = Array(np.full((2, 3), comm.rank, np.int64))
        comm.broadcast(matrix)
        assert not matrix.host.any()
        first, second = Array(np.ones(3)), Array(np.ones(2, np.int32))
        handles = [comm.begin_sum(first), comm.begin_sum(second)]
        for handle in reversed(handles):
            handle.wait()
        assert set(first.host) | set(second.host) == {size}
        host = np.array([2.0, comm.rank])
        comm.sum(host)
        assert host.tolist() == [2 * size, size * (size - 1) / 2]
        comm.barrier()
        return comm.gather("é" * comm.rank)

    Device.used = 0
    assert in_threads(size, port, calls) == [["é" * rank for rank in range(size)]] * size
    assert world.members == dict.fromkeys(range(size), size)
    assert Device.used == size  # NCCL's thread uses the device of this one
    assert world.aborted == []


def test_what_is_refused_on_rank_0_is_refused_on_all(world, port, tmp_path):
    def calls(comm):
        with comm.on_main(locked(tmp_path / "lock", "it")):
            return "held"

    assert in_threads(3, port, calls) == ["held"] * 3
    world.calls.clear()
    with locked(tmp_path / "lock", "it"):
        refusals = in_threads(3, port, calls)
    assert [type(refusal) for refusal in refusals] == [UserError] * 3
    assert len({str(refusal) for refusal in refusals}) == 1


def test_a_late_rank_is_named_and_nothing_waits_on_the_gpus(world, port):
    go_on = threading.Event()

    def calls(comm):
        comm.timeout = 0.4
        comm.at("step 17")
        if comm.rank == 1:
            go_on.wait(10)
            raise ValueError
        try:
            comm.barrier()
        finally:
            go_on.set()

    results = in_threads(2, port, calls)
    assert isinstance(results[0], UserError)
    assert str(results[0]).startswith("rank 1 of 2 (host ")
    assert "has not reached step 17 within 0.4 s" in str(results[0])
    assert sorted(world.aborted) == [0, 1]


def test_errors_of_nccl_are_reported(world, port):
    def calls(comm):
        comm.timeout = 0.8
        if comm.rank == 1:
            stay.wait(10)
            raise ValueError
        world.error = "NCCL_ERROR_REMOTE_ERROR"
        try:
            comm.barrier()
        finally:
            stay.set()

    stay = threading.Event()
    told = str(in_threads(2, port, calls)[0])
    assert "has not reached" in told
    assert "(NCCL reports: NCCL_ERROR_REMOTE_ERROR)" in told


def test_a_failed_start_of_nccl_is_reported(world, port):
    def broken(*_):
        raise RuntimeError("NCCL_ERROR_INVALID_USAGE")

    world.nccl.NcclCommunicator = broken
    for error in in_threads(2, port, lambda comm: None):
        assert isinstance(error, UserError)
        assert "NCCL cannot start (NCCL_ERROR_INVALID_USAGE); each process needs" in str(error)


def test_a_missing_nccl_is_reported(world, port):
    world.nccl.available = False
    meeting = Rendezvous(0, 1, "127.0.0.1", port)
    with pytest.raises(UserError, match="pip install nvidia-nccl-cu13"):
        NCCLCommunicator(meeting)


def test_the_variables_of_a_launcher_select_nccl(world, port, monkeypatch):
    variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    other = []
    thread = threading.Thread(
        target=lambda: other.append(NCCLCommunicator(Rendezvous(1, 2, "127.0.0.1", port)))
    )
    thread.start()
    comm = connect(on_gpu=True, timeout=10)
    thread.join(timeout=10)
    assert isinstance(comm, NCCLCommunicator)
    assert (comm.rank, other[0].rank) == (0, 1)
    for each in (comm, *other):
        each.fail(None)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_one_rank_on_a_real_gpu(dtype, port):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    with NCCLCommunicator(Rendezvous(0, 1, "127.0.0.1", port)) as comm:
        x = to_gpu(np.arange(1000).astype(dtype))
        handle = comm.begin_sum(x[10:20])
        handle.wait()
        comm.broadcast(x)
        np.testing.assert_array_equal(x.get(), np.arange(1000).astype(dtype))
        assert comm.gather("é") == ["é"]
