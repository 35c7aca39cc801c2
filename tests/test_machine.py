import os
import sys
import threading

import pytest

from ds2np import machine

AVX512 = "avx512f avx512cd avx512bw avx512dq avx512vl"


@pytest.fixture
def fresh(monkeypatch):
    """Make the process look as if no setting had been applied."""
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.delitem(sys.modules, "numpy")


def chosen(tmp_path, vendor, flags):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"vendor_id\t: {vendor}\nflags\t\t: fpu {flags} sse\n")
    machine.choose_kernels(cpuinfo)
    return os.environ.get("OPENBLAS_CORETYPE")


@pytest.mark.parametrize(
    ("vendor", "flags", "kernels"),
    [
        ("AuthenticAMD", AVX512, "SKYLAKEX"),
        ("AuthenticAMD", "avx2", None),
        ("AuthenticAMD", AVX512.removesuffix("avx512vl"), None),
        ("GenuineIntel", AVX512, None),
    ],
)
def test_only_amd_with_all_of_avx512_gets_other_kernels(fresh, tmp_path, vendor, flags, kernels):
    assert chosen(tmp_path, vendor, flags) == kernels


def test_the_user_decides(fresh, tmp_path):
    os.environ["OPENBLAS_CORETYPE"] = "ZEN"
    assert chosen(tmp_path, "AuthenticAMD", AVX512) == "ZEN"


def test_too_late_once_numpy_is_there(fresh, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", object())
    assert chosen(tmp_path, "AuthenticAMD", AVX512) is None


def test_without_a_description_of_the_processor_nothing_is_chosen(fresh, tmp_path):
    machine.choose_kernels(tmp_path / "cpuinfo")
    assert "OPENBLAS_CORETYPE" not in os.environ


@pytest.mark.parametrize(("own", "kept"), [(None, "12"), ("26", "26")])
def test_idle_threads_go_to_sleep_unless_the_user_decides(fresh, own, kept):
    if own:
        os.environ["OPENBLAS_THREAD_TIMEOUT"] = own
    machine.let_idle_threads_sleep()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == kept


@pytest.mark.parametrize("libc", ["glibc", "musl", ""])
def test_memory_is_kept_where_glibc_is(monkeypatch, libc):
    asked = []

    class Library:
        def mallopt(self, setting, value):
            asked.append(setting)

    monkeypatch.setattr(machine.platform, "libc_ver", lambda: (libc, "2"))
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: Library())
    machine.keep_memory()
    settings = [machine.M_MMAP_THRESHOLD, machine.M_TRIM_THRESHOLD]
    settings += [machine.M_TOP_PAD, machine.M_ARENA_MAX]
    assert asked == (settings if libc == "glibc" else [])


def test_it_runs_on_this_machine():
    machine.keep_memory()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("calls", [0, 1, 2, 7])
def test_threads_return_results_in_the_order_of_the_calls(count, calls):
    assert machine.map_in_threads("t", count, pow, range(calls), [2] * calls) == [
        i * i for i in range(calls)
    ]


def test_the_calling_thread_is_one_of_the_threads():
    both = threading.Barrier(2, timeout=10)

    def meet(_):
        both.wait()
        return threading.current_thread()

    found = machine.map_in_threads("t", 2, meet, range(2))
    assert len(set(found)) == 2
    assert threading.current_thread() in found


def test_an_error_in_any_thread_is_raised():
    for bad in range(3):
        with pytest.raises(ZeroDivisionError):
            machine.map_in_threads("t", 2, lambda i, bad=bad: 1 // (i - bad), range(3))


def test_the_memory_of_a_container_is_its_limit(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "LIMITS", (str(tmp_path / "missing"), str(limit)))
    whole = machine.total_memory()
    assert whole > 1e8
    for content, expected in (("max\n", whole), ("123456\n", 123456), (f"{2 * whole}\n", whole)):
        limit.write_text(content)
        assert machine.total_memory() == expected
