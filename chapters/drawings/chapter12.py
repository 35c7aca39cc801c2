"""Drawings of chapter 12: a queue of launches, a block of threads, a sum by shuffles."""

from svg import BLUE, FAINT, INK, RED, SOFT, Drawing

STATES = "–c–a–t–"


def queue():
    """Draw who works when: the CPU that launches, and the GPU that computes."""
    drawing = Drawing(
        820,
        330,
        "Two time lines. Above, small operations: the CPU launches one after another, and "
        "the GPU is done with each before the next arrives, so it idles most of the time. Below, "
        "large operations: the CPU is far ahead, the GPU works without a gap, and only where "
        "a result is asked for does the CPU wait.",
    )
    left, unit = 130, 24
    for top, name, work in ((60, "small operations", 0.7), (205, "large operations", 4)):
        drawing.text(left, top - 22, name, 15, INK, bold=True, anchor="start")
        drawing.text(left - 14, top + 17, "CPU", 13, SOFT, anchor="end")
        drawing.text(left - 14, top + 59, "GPU", 13, SOFT, anchor="end")
        free = 0.0
        for i in range(6):
            start, width = left + 2 * unit * i, 2 * unit - 4
            drawing.box(start, top, width, 24, "#ffffff")
            drawing.text(start + width / 2, top + 17, f"launch {i + 1}", 9)
            free = max(free, 2.0 * (i + 1)) + work
            begin = left + unit * (free - work)
            drawing.box(begin, top + 42, unit * work - 3, 24, "#cfe3d4")
            drawing.text(begin + unit * work / 2 - 1, top + 59, str(i + 1), 11)
        asked = left + 12 * unit
        if work > 2:
            drawing.box(asked, top, unit * free - (asked - left) - 3, 24, "#f2dcdb", RED)
            middle = (asked + left + unit * free) / 2
            drawing.text(middle, top + 17, "float(loss) waits", 12, RED)
        drawing.line(
            (left + unit * free - 3, top + 40), (left + unit * free - 3, top + 26), arrow=True
        )
        drawing.text(left + unit * free + 8, top + 39, "the result", 12, SOFT, anchor="start")
    drawing.line((left, 300), (790, 300), arrow=True)
    drawing.text(790, 318, "time", 12, SOFT, anchor="end")
    return drawing


def block():
    """Draw the block of one utterance and direction: a thread for a state, a barrier a frame."""
    drawing = Drawing(
        860,
        420,
        "One block works for one utterance and one direction. Seven threads stand for the states "
        "blank, c, blank, a, blank, t, blank. Frame after frame they write a row of shared memory "
        "and read the other: each thread its own place and the one or two before it. A barrier "
        "follows each frame. Another block does the same from the last frame backward.",
    )
    x, y, dx, dy = 190, 96, 52, 78
    drawing.box(20, 14, 590, 392, "#ffffff", SOFT)
    drawing.text(36, 38, "block 0: utterance 0, forward", 15, bold=True, anchor="start")
    for i, symbol in enumerate(STATES):
        drawing.text(x + i * dx, 64, f"thread {i}", 10, SOFT)
        drawing.text(x + i * dx, 82, symbol, 15, bold=symbol != "–")
    for k in range(4):
        row = y + k * dy
        fill = "#d6e6f2" if k % 2 else "#ffffff"
        drawing.text(x - 40, row + 14, f"frame {k}", 12, anchor="end")
        drawing.text(x - 40, row + 30, f"row {(k + 1) % 2}", 11, SOFT, anchor="end")
        for i in range(len(STATES)):
            drawing.box(x + i * dx - 20, row, 40, 34, fill)
        if k == 3:
            continue
        barrier = row + 48
        drawing.line((x - 34, barrier), (x + 6.6 * dx, barrier), color=RED, width=2.5, dashed=True)
        drawing.text(x + 6.75 * dx, barrier + 4, "barrier", 11, RED, anchor="start")
        for i, back in ((3, 0), (3, 1), (3, 2)) if k == 1 else ():
            start, end = (x + (i - back) * dx, row + 34), (x + i * dx - 9 * back, row + dy - 2)
            drawing.line(start, end, arrow=True, color=INK, width=2)
    for n, (name, way) in enumerate(
        (
            ("block 1", "utterance 0, backward"),
            ("block 2", "utterance 1, forward"),
            ("block 3", "utterance 1, backward"),
        )
    ):
        top = 40 + 104 * n
        drawing.box(640, top, 200, 82, "#ffffff", SOFT)
        drawing.text(740, top + 24, name, 14, bold=True)
        drawing.text(740, top + 44, way, 12, SOFT)
        start, end = (660, 820) if n % 2 else (820, 660)
        drawing.line((start, top + 64), (end, top + 64), arrow=True, color=BLUE, width=2)
    drawing.text(740, 372, "arrows: through the frames,", 12, SOFT)
    drawing.text(740, 390, "which go from left to right", 12, SOFT)
    return drawing


def shuffle():
    """Draw how eight lanes add up their numbers in three rounds."""
    drawing = Drawing(
        760,
        380,
        "Eight lanes with the numbers 3, 1, 4, 1, 5, 9, 2, 6 add up in three rounds. In the first "
        "each takes the number of the lane four away, in the second two away, in the third one "
        "away; then all eight hold 31.",
    )
    numbers, x, y, dx, dy = [3, 1, 4, 1, 5, 9, 2, 6], 190, 56, 66, 92
    for lane in range(8):
        drawing.text(x + lane * dx, 30, f"lane {lane}", 12, SOFT)
    for step, far in enumerate((4, 2, 1, 0)):
        row = y + step * dy
        for lane, number in enumerate(numbers):
            if far:
                other = x + (lane ^ far) * dx
                drawing.line((x + lane * dx, row + 30), (x + lane * dx, row + dy - 3), color=FAINT)
                side = 8 if other < x + lane * dx else -8
                drawing.line(
                    (other, row + 30), (x + lane * dx + side * -1, row + dy - 3), arrow=True
                )
            drawing.box(x + lane * dx - 19, row, 38, 28, "#d9d3ea" if not far else "#ffffff")
            drawing.text(x + lane * dx, row + 19, str(number), 14, bold=True)
        if far:
            drawing.text(x - 56, row + dy / 2 + 19, f"plus {far} away", 12, SOFT, anchor="end")
        numbers = [number + numbers[lane ^ far] for lane, number in enumerate(numbers)]
    return drawing


def draw():
    """Return each picture's text under its file name."""
    return {
        "gpu_12_queue.svg": str(queue()),
        "gpu_12_block.svg": str(block()),
        "gpu_12_shuffle.svg": str(shuffle()),
    }
