"""What is said of a minibatch that does not fit into memory."""

import pytest

from ds2np.data import memory
from ds2np.errors import UserError

SIZE = 64, 1500, 15.0


@pytest.fixture
def gpu(monkeypatch):
    """Pretend that a GPU has 20 GB, of which 18 are free; count how often they are released."""
    released = []
    monkeypatch.setattr(memory, "free_pool", lambda: released.append(1))
    monkeypatch.setattr(memory, "free_memory", lambda: (18e9, 20e9))
    return released


def room_for(most, tried):
    def run(n):
        tried.append(n)
        if n > most:
            raise MemoryError
        return n

    return run


def test_what_fits_is_run_once():
    tried = []
    assert memory.run_within_memory(room_for(64, tried), SIZE, str, on_gpu=True) == 64
    assert tried == [64]


@pytest.mark.parametrize("most", [0, 1, 31, 40, 63])
def test_the_largest_number_that_fits_is_found(most, gpu):
    tried = []
    assert memory.find_largest(room_for(most, tried), 63) == most
    assert len(tried) == len(gpu) <= 6
    assert memory.find_largest(room_for(most, tried), 0) == 0


@pytest.mark.parametrize(
    ("most", "said"),
    [(40, "40 would fit, take 40"), (0, "not even one would fit, take 0")],
)
def test_a_gpu_without_room_is_described(most, said, gpu):
    message = (
        r"^no room on the GPU for 64 utterances of 1500 frames \(15.0 s\): 18.0 of 20.0 GB are "
        rf"free; {said}$"
    )
    run = room_for(most, [])
    with pytest.raises(UserError, match=message):
        memory.run_within_memory(run, SIZE, lambda fits: f"take {fits}", on_gpu=True)


def test_other_ranks_are_not_kept_waiting(gpu):
    tried = []
    with pytest.raises(UserError, match=r"GB are free; wait$"):
        memory.run_within_memory(room_for(1, tried), SIZE, lambda _: "wait", True, try_fewer=False)
    assert tried == [64]


def test_the_cpu_tries_nothing():
    tried = []
    message = "^64 utterances of 1500 frames do not fit into memory; use less$"
    with pytest.raises(UserError, match=message):
        memory.run_within_memory(room_for(1, tried), SIZE, lambda _: "use less", on_gpu=False)
    assert tried == [64]
