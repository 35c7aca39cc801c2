"""The search for long texts against the whole table."""

import numpy as np
import pytest

from ds2np.align import search
from ds2np.align.search import Loose, best_path
from ds2np.ctc import forced_align


def draw(rng, T, L, V=5, sharp=3.0, silence=0.0):
    """Draw log-probabilities of a text with errors; return them and the text."""
    labels = rng.integers(1, V, L)
    labels[rng.random(L) < 0.3] = 1  # repeats
    logits = sharp * rng.standard_normal((T, V))
    logits[:, 0] += 1
    for i, t in enumerate(np.sort(rng.choice(T, L, replace=False))):
        logits[t, labels[i]] += 2 * sharp
    quiet = np.zeros(T, bool)
    if silence:
        start = rng.integers(0, T)
        quiet[start : start + int(silence * T)] = True
        logits[quiet] = [5, *(V - 1) * [0]]
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), labels


def score_of(path, log_probs, labels):
    """Return the score of a path that stays in the text, and what it says."""
    symbols = np.where(path.states % 2, np.append(labels, 0)[path.states // 2], 0)
    said = [label for state, label in zip(path.states, symbols, strict=True) if state % 2]
    starts = np.flatnonzero(np.diff(path.states, prepend=-1))
    told = [symbols[t] for t in starts if path.states[t] % 2]
    assert len(said) >= len(told)
    return log_probs[np.arange(len(symbols)), symbols].sum(), told


@pytest.fixture(params=[100, 7])
def block(request, monkeypatch):
    monkeypatch.setattr(search, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_best_path_of_all(seed):
    rng, equal, count = np.random.default_rng(seed), 0, 0
    for _ in range(100):
        T = int(rng.integers(1, 300))
        log_probs, labels = draw(
            rng, T, int(rng.integers(0, T // 3 + 1)), silence=rng.choice([0, 0.4])
        )
        try:
            expected = forced_align(log_probs, labels)
        except ValueError:
            with pytest.raises(ValueError, match="no path is possible"):
                best_path(log_probs, labels)
            continue
        got = best_path(log_probs, labels, beam=rng.choice([1.0, 10.0, 300.0]))
        assert got.exact
        assert got.score == pytest.approx(expected.score, abs=1e-9)
        assert score_of(got, log_probs, labels) == (pytest.approx(got.score), labels.tolist())
        symbols = np.where(got.states % 2, np.append(labels, 0)[got.states // 2], 0)
        equal, count = equal + np.array_equal(symbols, expected.path), count + 1
    assert equal >= 0.9 * count > 50  # others are as good


def whole_table(log_probs, labels, gates, loose, gate_costs):
    """Return the score of the best path that may leave the text, by a table of all states."""
    L, T = len(labels), len(log_probs)
    symbols = [0] * (2 * L + 1)
    symbols[1::2] = labels
    inside, outside = {0: 0.0}, {}
    before = {gate: loose.label * gate for gate in gates}
    extra = dict(zip(gates, gate_costs, strict=True))
    for t in range(T):
        y, now, out = log_probs[t], {}, {}

        def add(table, key, value):
            table[key] = max(table.get(key, -np.inf), value)

        for s, score in inside.items():
            for to in (s, s + 1, s + 2):
                skips = to == s + 2
                if to <= 2 * L and not (skips and (to % 2 == 0 or symbols[to] == symbols[s])):
                    add(now, to, score + y[symbols[to]])
            for gate in gates:
                if s in (2 * gate - 1, 2 * gate):
                    add(out, gate, score - loose.leave - extra[gate] + y.max() - loose.frame)
        for gate, score in outside.items():
            add(out, gate, score + y.max() - loose.frame)
            for to in (2 * gate, 2 * gate + 1):
                if to <= 2 * L:
                    add(now, to, score + y[symbols[to]])
            for later in gates:
                if later > gate:
                    cost = loose.jump + extra[later] + before[later] - before[gate] + loose.frame
                    add(out, later, score - cost + y.max())
        inside, outside = now, out
    ends = [inside.get(2 * L, -np.inf), inside.get(2 * L - 1, -np.inf)]
    for gate, score in outside.items():
        rest = 0 if gate == L else loose.jump + loose.label * L - before[gate]
        ends.append(score - rest)
    return max(ends)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("seed", range(10))
def test_it_may_leave_the_text(seed):
    rng = np.random.default_rng(seed)
    for _ in range(12):
        T = int(rng.integers(5, 120))
        log_probs, labels = draw(rng, T, int(rng.integers(1, T // 4 + 2)), sharp=rng.choice([1, 3]))
        costs = rng.choice([0.0, 0.3, 1.0, 5.0], 4)
        loose = Loose(*costs)
        inner = [i for i in range(1, len(labels)) if rng.random() < 0.4]
        gates = [0, *inner, len(labels)]
        gate_costs = rng.choice([0.0, 2.0], len(gates))
        expected = whole_table(log_probs, labels, gates, loose, gate_costs)
        got = best_path(log_probs, labels, gates, loose, gate_costs, beam=rng.choice([1.0, 20.0]))
        assert got.exact
        assert got.score == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("said", "foreign"), [([1, 2, 3, 4, 2, 4, 5], 3), ([1, 2, 3, 1, 3, 4, 5], 3)], ids=["4", "3"]
)
def test_a_word_of_a_sentence_stays_with_it(said, foreign):
    """Two sounds would do for a word, one of them among sound that has no text."""
    labels, gate_costs = np.array([1, 2, 3, 4, 5]), np.array([0, 10, 10, 0, 10, 0])
    log_probs = np.full((2 * len(said), 6), -20.0)
    log_probs[np.arange(len(log_probs)), np.dstack([said, [0] * len(said)])[0].ravel()] = 0
    path = best_path(log_probs, labels, range(6), Loose(1.0, 0.1, 1.0), gate_costs)
    outside = np.flatnonzero(path.states < 0) // 2
    assert set(outside) == {foreign, foreign + 1}


def test_those_who_read_late_do_not_hide_those_who_read():
    """Blanks cost less than letters that are hard to hear: to stay behind looks better for long."""
    rng = np.random.default_rng(0)
    gates = np.arange(0, 4001, 4)
    labels = rng.integers(1, 6, 4000)
    log_probs = np.full((2 * len(labels), 6), -8.0)
    log_probs[:, 0] = -0.5
    log_probs[np.arange(0, len(log_probs), 2), labels] = -3.0
    path = best_path(log_probs, labels, gates, Loose(60.0, 1.0, 60.0, 3.0), work=0)
    assert (np.isin(np.arange(len(labels)), path.states // 2)).all()
    assert path.score == pytest.approx(-0.5 * 4000 - 3.0 * 4000)


def read(rng, labels, gates, plan):
    """Draw the log-probabilities of a reading.

    plan: a number is the gate up to which the text is read, a negative one that up to which it is
    left out, and a string is other speech.
    """
    frames, at = [], 0
    for part in plan:
        if isinstance(part, str):
            said = rng.integers(1, 6, len(part)).tolist()
        else:
            until = gates[abs(part)]
            said = labels[at:until].tolist() if part > 0 else []
            at = until
        for label in said:
            frames += [0] * int(rng.integers(1, 3)) + [label]
    logits = rng.standard_normal((len(frames), 6))
    logits[np.arange(len(frames)), frames] += 8
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


PLANS = {
    "all": [200],
    "a word": [50, -51, 200],
    "other speech": [50, "x" * 30, 200],
    "half of it": [20, -120, 200],
    "the beginning": [-150, 200],
    "the end": [50, -200],
    "near the end": [50, -190, 200],
    "much, after much else": [50, "x" * 200, -150, 160, "x" * 50, 200],
    "twice": [30, -90, 100, -170, 200],
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("seed", range(3))
def test_it_looks_ahead_where_the_text_was_left(seed, plan, monkeypatch):
    for name, value in (("BLOCK", 20), ("AHEAD", (10, 150, np.inf)), ("LOOK", 3)):
        monkeypatch.setattr(search, name, value)
    rng = np.random.default_rng(seed)
    gates = np.arange(201) * 4
    labels = rng.integers(1, 6, 800)
    log_probs = read(rng, labels, gates, PLANS[plan])
    loose = Loose(leave=15.0, frame=3.0, jump=15.0)
    works = {}
    for work in (0, 1e12):
        shown = []
        got = best_path(log_probs, labels, gates, loose, work=work, show=shown.append)
        works[work] = got.score
        assert shown[-1] == len(log_probs)
        assert got.states.shape == (len(log_probs),)
    assert got.exact
    assert works[0] == pytest.approx(got.score, abs=1e-9)


def test_its_band_is_narrow_in_a_long_text():
    rng, gates = np.random.default_rng(0), np.arange(2001) * 4
    labels = rng.integers(1, 6, 8000)
    log_probs = read(rng, labels, gates, [1000, -1002, 1500, "x" * 20, 2000])
    lattice = search.Lattice(labels, gates, 0.0, Loose(leave=15.0, frame=3.0, jump=15.0), 0)
    tries = [search._Search(lattice, search.BEAM, near) for near in (True, False)]
    for each in tries:
        each.run(log_probs, lambda frames: None)
    near, far = tries
    assert near.finish().score == pytest.approx(far.finish().score, abs=1e-9)
    assert near.work < 0.1 * far.work
