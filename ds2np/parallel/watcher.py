"""Say which process ended first, when mpiexec ends all of them.

If one process is killed, mpiexec kills the others with it, at once and without naming the first:
none of them can still speak. So a small process of its own looks at them from outside, and gives
them the one sentence. It is a script that imports nothing of ds2np: it is there within moments.

The sentence is about the processes of one machine. Linux only; elsewhere nobody watches.
"""

import json
import os
import select
import subprocess
import sys

REGULAR_END = b"bye"


def watch(names):
    """Start to watch processes of this machine.

    Parameters
    ----------
    names : dict of int to str
        What to call each process, by its number.

    Returns
    -------
    callable or None
        Ends the watch; to be called before these processes end as they should.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, json.dumps(names)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # mpiexec ends groups of processes
    )

    watcher.stdout.readline()  # it looks

    def stop():
        if not watcher.stdin.closed:
            watcher.communicate(REGULAR_END)

    return stop


def first_to_end(processes, stdin):
    """Wait for the first of some processes to end.

    Parameters
    ----------
    processes : iterable of int
    stdin : file
        Of bytes; says when the end is near and regular.

    Returns
    -------
    list of int
        One process; several if they ended too quickly, one after the other, to be told apart; none
        if all end as they should.
    """
    numbers = {}
    poll = select.epoll()
    poll.register(stdin, select.EPOLLIN)
    for number in processes:
        try:
            file = os.pidfd_open(number)
        except ProcessLookupError:
            return [number]
        except OSError:  # an old kernel
            return []
        numbers[file] = number
        poll.register(file, select.EPOLLIN)
    print(flush=True)
    while True:
        files = [file for file, _ in poll.poll()]  # in the order of the events
        if ended := [numbers[file] for file in files if file in numbers]:
            return ended
        if stdin.read() == REGULAR_END:
            return []
        poll.unregister(stdin)


def main():
    """Watch the processes of the command line."""
    names = {int(number): name for number, name in json.loads(sys.argv[1]).items()}
    ended = first_to_end(names, sys.stdin.buffer)
    if ended:
        first = " or ".join(f"{names[number]}, process {number}," for number in ended)
        sys.stderr.write(
            f"error: {first} was the first on its machine to end, and all end with it; what it "
            f"printed last says why, and if that is nothing, it was killed, perhaps for want of "
            f"memory\n"
        )


if __name__ == "__main__":
    main()
