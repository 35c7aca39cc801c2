"""Drawings of chapter 13: a step of two processes, the ring, communication behind computing."""

from svg import BLUE, FILLS, INK, RED, SOFT, Drawing


def step():
    """Draw one step of training by two processes."""
    drawing = Drawing(
        860,
        300,
        "One step by two processes. A minibatch of five utterances is dealt out, three to process "
        "0 and two to process 1. Each runs them through its own copy of the same network and gets "
        "a sum of gradients. All-reduce adds the two sums up, and both have the total. Each then "
        "moves its weights, the same way.",
    )
    drawing.text(90, 30, "minibatch", 14, bold=True)
    for i in range(5):
        mine = i % 2 == 0
        y = 62 + 42 * i
        fill = FILLS["sound"] if mine else FILLS["convolution"]
        drawing.box(40, y, 60 + 12 * i, 24, fill=fill)
        drawing.text(52, y + 17, str(i), 13, anchor="start")
        drawing.line((106 + 12 * i, y + 12), (196, 112 if mine else 222), arrow=True)
    for row, y in enumerate((70, 180)):
        fill = FILLS["sound"] if row == 0 else FILLS["convolution"]
        drawing.box(200, y, 170, 84, fill=fill)
        drawing.text(285, y + 26, f"process {row}", 14, bold=True)
        drawing.text(285, y + 48, "its copy of the network:", 12, SOFT)
        drawing.text(285, y + 66, "forward, backward", 12, SOFT)
        drawing.line((372, y + 42), (426, y + 42), arrow=True)
        drawing.text(478, y + 38, f"g{'₀₁'[row]}", 18, italic=True)
        drawing.text(478, y + 58, f"sum over {3 - row}", 12, SOFT)
        drawing.line((526, y + 42), (566, y + 42), arrow=True)
        drawing.line((656, y + 42), (696, y + 42), arrow=True)
        drawing.text(775, y + 36, f"g{'₀'} + g{'₁'}", 17, italic=True)
        drawing.text(775, y + 58, "divide by 5, move W", 12, SOFT)
    drawing.box(570, 58, 84, 218, fill=FILLS["linear"])
    drawing.text(612, 160, "all-", 15, bold=True)
    drawing.text(612, 180, "reduce", 15, bold=True)
    return drawing


def _process(drawing, x, y, name, shaded, labels, size=30):
    """Draw a process and its four chunks."""
    drawing.text(x + 2 * size, y - 8, name, 13, bold=True)
    for c in range(4):
        fill = FILLS["recurrent"] if c in shaded else "#ffffff"
        drawing.box(x + c * size, y, size, size, fill=fill, line=2.4 if c in shaded else 1.0)
        drawing.text(x + (c + 0.5) * size, y + size / 2 + 5, labels[c], 13, bold=c in shaded)


def ring():
    """Draw the ring in its first round, and after reduce-scatter."""
    drawing = Drawing(
        900,
        330,
        "Four processes in a ring, each with four chunks of its array. Left, the first round: "
        "process 0 sends chunk 0 to process 1, process 1 sends chunk 1 to process 2, process 2 "
        "chunk 2 to process 3, process 3 chunk 3 to process 0. Right, after three rounds: process "
        "0 holds the whole sum of chunk 1, process 1 of chunk 2, process 2 of chunk 3, process 3 "
        "of chunk 0.",
    )
    places = [(0, 0), (1, 0), (1, 1), (0, 1)]
    for panel, left in enumerate((40, 500)):
        title = ("the first round", "after three rounds")[panel]
        drawing.text(left + 180, 26, title, 16, bold=True)
        corners = [(left + 240 * i, 72 + 180 * j) for i, j in places]
        for r, (x, y) in enumerate(corners):
            chunk = r if panel == 0 else (r + 1) % 4
            labels = ["0123"[c] for c in range(4)]
            if panel:
                labels[chunk] = "Σ"
            _process(drawing, x, y, f"process {r}", {chunk}, labels)
        color, width = (RED, 2.4) if panel == 0 else ("#bbbbbb", 1.6)
        ends = [
            ((left + 128, 87), (left + 232, 87)),
            ((left + 300, 110), (left + 300, 226)),
            ((left + 232, 267), (left + 128, 267)),
            ((left + 60, 226), (left + 60, 110)),
        ]
        for r, (start, end) in enumerate(ends):
            drawing.line(start, end, color=color, width=width, arrow=True)
            if panel == 0:
                x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
                shift = [(0, -8), (42, 5), (0, 22), (-42, 5)][r]
                drawing.text(x + shift[0], y + shift[1], f"chunk {r}", 13, RED)
        note = ("each sends one chunk, each receives one", "each has one whole sum, marked Σ")
        drawing.text(left + 180, 318, note[panel], 13, SOFT)
    return drawing


def _bar(drawing, x, y, width, text, fill):
    drawing.box(x, y, width, 34, fill=fill)
    drawing.text(x + width / 2, y + 22, text, 13)


def overlap():
    """Draw a step in time, with the gradients sent after the backward pass and during it."""
    drawing = Drawing(
        860,
        350,
        "Two timelines of a step. Above, the gradients of layers 3, 2 and 1 are sent after the "
        "backward pass is over, while the CPU waits. Below, the gradients of layer 3 leave "
        "while layer 2 is computed, those of layer 2 while layer 1 is; only layer 1's remain, and "
        "the step ends sooner.",
    )
    unit, x = 88, 126
    for top, together in ((56, False), (212, True)):
        title = "during the backward pass" if together else "after the backward pass"
        drawing.text(x, top - 14, title, 15, bold=True, anchor="start")
        drawing.text(x - 14, top + 22, "CPU", 13, SOFT, anchor="end")
        drawing.text(x - 14, top + 66, "link", 13, SOFT, anchor="end")
        _bar(drawing, x, top, 1.5 * unit, "forward", "#ffffff")
        for i, layer in enumerate((3, 2, 1)):
            begin = x + (1.5 + i) * unit
            _bar(drawing, begin, top, unit, f"back {layer}", FILLS["recurrent"])
            sent = x + ((2.5 + i) if together else (4.5 + 0.8 * i)) * unit
            _bar(drawing, sent, top + 44, 0.8 * unit, f"send {layer}", FILLS["convolution"])
            if together:
                drawing.line((sent, top + 34), (sent, top + 44), color=BLUE, width=2)
        end = x + (5.3 if together else 6.9) * unit
        idle = x + 4.5 * unit
        drawing.box(idle, top, end - idle, 34, fill="none", color=SOFT)
        drawing.text((idle + end) / 2, top + 22, "waits", 13, SOFT, italic=True)
        _bar(drawing, end, top, 0.6 * unit, "update", FILLS["linear"])
        drawing.line((end + 0.6 * unit, top - 12), (end + 0.6 * unit, top + 84), color=RED, width=2)
    drawing.line((x, 322), (x + 7.9 * unit, 322), arrow=True)
    drawing.text(x + 3.9 * unit, 342, "time", 13, INK)
    return drawing


def draw():
    """Return each drawing's text under its file name."""
    return {
        "parallel_13_step.svg": str(step()),
        "parallel_13_ring.svg": str(ring()),
        "parallel_13_overlap.svg": str(overlap()),
    }
