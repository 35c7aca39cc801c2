"""Report which process ended first, when mpiexec ends all of them.

If one process is killed, mpiexec kills the others at once, without naming the first. So a separate
process watches those of its machine and prints one sentence. It is a script that imports nothing of
ds2np, so it starts quickly. Linux only; elsewhere no process is watched.
"""

import json
import os
import select
import subprocess
import sys

REGULAR_END = b"bye"


def watch(names):
    """Start to watch processes of this machine, given as a dict from number to name.

    Return a function that ends the watch, to be called before a regular end; None if this system
    cannot watch.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, json.dumps(names)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # mpiexec kills process groups
    )

    watcher.stdout.readline()  # it is watching now

    def stop():
        if not watcher.stdin.closed:
            watcher.communicate(REGULAR_END)

    return stop


def first_to_end(processes, stdin):
    """Wait for the first of some processes to end; return its number in a list.

    The list has several if they ended too quickly to be told apart, and none if `REGULAR_END` on
    ``stdin`` announced a regular end, or the kernel is too old.
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
    """Watch the processes given on the command line."""
    names = {int(number): name for number, name in json.loads(sys.argv[1]).items()}
    ended = first_to_end(names, sys.stdin.buffer)
    if ended:
        first = " or ".join(f"{names[number]}, process {number}," for number in ended)
        sys.stderr.write(
            f"error: {first} was the first on its machine to end, and all others end with it; its "
            f"last output says why, or, if there is none, it was killed, perhaps because memory "
            f"ran out\n"
        )


if __name__ == "__main__":
    main()
