"""The communicator of one process, and the base class of the others."""

import numpy as np
import pytest

from ds2np.errors import UserError
from ds2np.parallel.communicator import Communicator, Handle, exit_code


def test_one_process_keeps_its_arrays():
    with Communicator() as comm:
        comm.at("step 1")
        x = np.array([1.5, 2.5])
        handle = comm.begin_sum(x)
        handle.wait()
        handle.wait()
        comm.mean(x)
        comm.broadcast(x)
        comm.barrier()
        assert comm.gather("naïve\n\ud800") == ["naïve\n\ud800"]
        assert comm.gather("") == [""]
    np.testing.assert_array_equal(x, [1.5, 2.5])
    assert (comm.rank, comm.size) == (0, 1)


@pytest.mark.parametrize("array", [np.zeros(3, bool), np.zeros(3, complex), np.zeros(3, object)])
def test_only_integers_and_floats_are_summed(array):
    with pytest.raises(TypeError, match="expected integers or floats"):
        Communicator().sum(array)


@pytest.mark.parametrize("call", ["sum", "mean", "broadcast"])
def test_an_array_that_is_not_contiguous_is_refused(call):
    with pytest.raises(ValueError, match="not contiguous"):
        getattr(Communicator(), call)(np.zeros((4, 4))[:, 1])


def test_a_handle_waits_once():
    waits = []
    handle = Handle(lambda: waits.append(1))
    handle.wait()
    handle.wait()
    assert waits == [1]


class Recorder(Communicator):
    def __init__(self):
        self.ends = []

    def close(self):
        self.ends.append("close")

    def fail(self, error):
        self.ends.append(error)


def test_an_exception_does_not_wait_for_the_others():
    comm, error = Recorder(), UserError("no such file")
    with pytest.raises(UserError), comm:
        raise error
    assert comm.ends == [error]


def test_an_interruption_reaches_all_and_ends_regularly():
    comm = Recorder()
    with pytest.raises(KeyboardInterrupt), comm:
        raise KeyboardInterrupt
    assert comm.ends == ["close"]


def test_exit_codes_are_those_of_the_commands():
    errors = UserError(""), OSError(), ValueError(), SystemExit(3), SystemExit(0), SystemExit()
    assert [exit_code(error) for error in errors] == [2, 2, 1, 3, 1, 1]


def test_flags_of_a_single_process():
    assert Communicator().any(True, False) == [True, False]
    assert Communicator().is_main
