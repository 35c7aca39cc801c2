"""The widgets: their arithmetic is the package's, they load nothing, they have a still picture."""

import re
import sys

import numpy as np
import pytest
from helpers.widgets import WIDGETS, call, needs_browser, needs_node, touch

from ds2np.audio import log_spectrogram
from ds2np.ctc import ctc_loss, forced_align, state_posterior
from ds2np.ctc.lattice import Lattice
from ds2np.ctc.recursion import recurse
from ds2np.ctc.semiring import Logs
from ds2np.decode.greedy import collapse
from ds2np.errors import UserError
from ds2np.layers.conv1d import conv1d_forward
from ds2np.layers.gru import gru_forward
from ds2np.learn import play_letters, show_widget
from ds2np.learn.book import FOLDER
from ds2np.learn.widget import letters_html, widget_html

sys.path.append(str(FOLDER / "drawings"))
import widgets

PICTURES = sorted({path.stem for path in WIDGETS.glob("*.js")} - {"kit", "lit_letters"})
SOUND = np.sin(np.arange(16000) / 5)
TIMES = np.array([[0.1, 0.14], [0.3, 0.32], [0.5, 0.6]])


def shown(name):
    if name == "lit_letters":
        return letters_html(SOUND, 16000, "a <", TIMES, "a tone")
    return widget_html(name)


@pytest.mark.parametrize("name", [*PICTURES, "lit_letters"])
def test_a_widget_loads_nothing(name):
    code = re.search("<script>(.*)</script>", shown(name), re.DOTALL)[1]
    assert set(re.findall(r"\w+://[^\"]*", code)) == {"http://www.w3.org/2000/svg"}
    for way in ("fetch", "XMLHttpRequest", "import", "WebSocket", "sendBeacon", "eval", "</script"):
        assert not re.search(rf"(?<!\w){re.escape(way)}\b", code)


@pytest.mark.parametrize("name", PICTURES)
def test_a_widget_has_a_still_picture(name):
    assert re.search('<img alt="[^"]{80,}" src="data:image/svg[+]xml;base64,', widget_html(name))


def test_a_widget_is_displayed(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    show_widget(PICTURES[0])
    assert seen[0].data == widget_html(PICTURES[0])
    with pytest.raises(UserError, match="there is no widget nothing"):
        show_widget("nothing")


def distribution(rng, T, V):
    logits = 2 * rng.standard_normal((T, V))
    return logits, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@needs_node
@pytest.mark.parametrize("labels", [[1], [1, 2, 3], [2, 2, 1], [1, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("T", [7, 12])
def test_the_lattice_computes_as_the_package_does(labels, T):
    logits, y = distribution(np.random.default_rng(T), T, V := max(labels) + 1)
    batch = logits[None], np.array([labels]), np.array([T]), np.array([len(labels)])
    got = call("ctc_lattice", "solve", y.tolist(), labels)
    loss, gradient = ctc_loss(*batch)
    lattice = Lattice(*batch[1:], blank=0)
    sums = recurse(batch[0], np.log(np.exp(logits).sum(axis=1))[None], lattice, Logs(np))
    for name, expected in (
        ("alpha", np.exp(sums.alpha[:, :, 0])),
        ("beta", np.exp(sums.beta[:, :, 0])),
        ("gamma", state_posterior(*batch)[0]),
        ("gradient", gradient[0]),
        ("loss", loss[0]),
        ("p", np.exp(-loss[0])),
    ):
        np.testing.assert_allclose(got[name], expected, rtol=1e-10, atol=1e-14, err_msg=name)
    assert np.shape(got["allowed"]) == (T, V)
    share = np.zeros((len(lattice.real),) * 2)  # of the paths, from state to state
    for to in range(len(share)):
        for start in call("ctc_lattice", "waysInto", got["states"], to):
            share[start, to] = call("ctc_lattice", "flow", y.tolist(), got, 4, start, to)
    np.testing.assert_allclose(share.sum(axis=0), got["gamma"][4], atol=1e-12)
    np.testing.assert_allclose(share.sum(axis=1), got["gamma"][3], atol=1e-12)


@needs_node
def test_a_word_that_does_not_fit_has_an_infinite_loss_and_no_gradient():
    _, y = distribution(np.random.default_rng(0), 3, 2)
    got = call("ctc_lattice", "solve", y.tolist(), [1, 1, 1])
    assert got["loss"] is None
    assert got["p"] == 0
    assert not np.any(got["gradient"])
    assert not np.any(got["gamma"])


@needs_node
def test_steps_down_the_gradient_and_dragging():
    logits, y = distribution(np.random.default_rng(1), 8, 4)
    gradient = np.array(call("ctc_lattice", "solve", y.tolist(), [1, 2, 3])["gradient"])
    expected = np.exp(logits - 0.7 * gradient)
    expected /= expected.sum(axis=1, keepdims=True)
    got = call("ctc_lattice", "descend", y.tolist(), gradient.tolist(), 0.7)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    dragged = np.array(call("ctc_lattice", "withProbability", y[0].tolist(), 2, 0.9))
    assert dragged[2] == 0.9
    assert dragged.sum() == pytest.approx(1)
    np.testing.assert_allclose(dragged[:2] / y[0, :2], 0.1 / (1 - y[0, 2]))
    certain = call("ctc_lattice", "withProbability", [0, 1, 0], 1, 0.5)
    assert certain == [0.25, 0.5, 0.25]
    for path in ([0, 1, 1, 0, 1, 2, 2], [3, 3, 0, 0], [0, 0]):
        got = call("ctc_lattice", "readBestPath", np.eye(4)[path].tolist())
        assert got == list(collapse(path))


@needs_node
def test_the_still_lattice_is_what_the_widget_begins_with():
    logits = widgets.vague_logits(8, 4, [1, 2, 3])
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(call("ctc_lattice", "vague", 8, 4, [1, 2, 3]), expected, rtol=1e-12)


TYPE = """
const input = place.querySelector("input[type=text]");
input.value = "see"; input.dispatchEvent(new Event("input"));
place.querySelectorAll("button")[1].click();
const bar = place.querySelector("[data-name=bar-2-1]");
bar.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
const box = place.querySelector("[data-name=bar-5-0] rect").getBoundingClientRect();
const at = (type, share) => new PointerEvent(type, {
  clientX: box.left + share * box.width, clientY: box.top + 5, bubbles: true, cancelable: true });
place.querySelector("[data-name=bar-5-0] rect").dispatchEvent(at("pointerdown", 0.2));
window.dispatchEvent(at("pointermove", 0.8));
window.dispatchEvent(at("pointerup", 0.8));
window.dispatchEvent(at("pointermove", 0.1));
"""


@needs_browser
def test_one_types_and_drags_in_the_lattice(tmp_path):
    y = np.full((8, 3), 1 / 3)
    y[2] = [(1 - 1 / 3 - 0.05) / 2, 1 / 3 + 0.05, (1 - 1 / 3 - 0.05) / 2]
    y[5] = [0.8, 0.1, 0.1]
    loss = ctc_loss(np.log(y)[None], np.array([[1, 2, 2]]), np.array([8]), np.array([3]))[0][0]
    text = touch("ctc_lattice", TYPE, tmp_path)
    assert f"p(see | x) = {np.exp(-loss):#.3g}, loss = {loss:.3f}." in text
    assert text.count("<circle") == 7 * 8


@needs_node
@pytest.mark.parametrize(
    ("T", "K", "stride", "padding"), [(10, 3, 2, 1), (7, 5, 3, 2), (6, 1, 1, 0)]
)
def test_the_kernel_computes_as_the_package_does(T, K, stride, padding):
    rng = np.random.default_rng(T)
    x, w = rng.standard_normal((1, T, 1)), rng.standard_normal((K, 1, 1))
    out, _ = conv1d_forward(x, w, stride, padding)
    given = w.ravel().tolist(), stride, padding
    got = call("sliding_kernel", "convolve", x.ravel().tolist(), *given)
    np.testing.assert_allclose(got, out.ravel(), rtol=1e-12)
    assert call("sliding_kernel", "outLength", T, K, stride, padding) == out.shape[1]


@needs_node
def test_a_kernel_longer_than_the_input_has_no_output():
    assert call("sliding_kernel", "convolve", [1, 2], [1, 1, 1, 1, 1], 1, 1) == []
    assert call("sliding_kernel", "convolve", [1], [1, 1, 1, 1, 1], 3, 0) == []
    assert call("sliding_kernel", "outLength", 1, 5, 3, 0) == 0


@needs_node
def test_the_still_kernel_is_what_the_widget_begins_with():
    begin = {"x": widgets.X, "w": widgets.W, "stride": widgets.STRIDE, "padding": widgets.PADDING}
    assert call("sliding_kernel", "beginning") == begin


SLIDE = """
const [stride, padding, output] = place.querySelectorAll("input[type=range]");
stride.value = 1; stride.dispatchEvent(new Event("input"));
output.value = 3; output.dispatchEvent(new Event("input"));
const press = (id, key) => place.querySelector(id)
  .dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
press("[data-name=weight-2]", "ArrowUp"); press("[data-name=input-4]", "ArrowDown");
const box = place.querySelector("[data-name=input-2] rect").getBoundingClientRect();
const at = (type) => new PointerEvent(type, {
  clientX: box.left + 5, clientY: box.top + box.height * 0.75, bubbles: true, cancelable: true });
place.querySelector("[data-name=input-2] rect").dispatchEvent(at("pointerdown"));
window.dispatchEvent(at("pointerup"));
"""


@needs_browser
def test_one_slides_the_kernel_and_drags_its_numbers(tmp_path):
    text = touch("sliding_kernel", SLIDE, tmp_path).replace("\N{MINUS SIGN}", "-")
    assert "10 numbers, 3 weights, stride 1, padding 1: 10 outputs." in text
    assert "Output 3 = -1 · -1.5 + 0 · 3 + 1.5 · 2.5 = 5.25" in text
    assert text.count('data-name="output-') == 4


def package_gru(x, weights):
    """Return z, r, c and h of the package's GRU of one unit, (T, 4)."""
    w = weights
    a = np.stack([w["wz"] * x + w["bz"], w["wr"] * x + w["br"], w["wc"] * x], axis=-1)
    U = np.array([[[0.0, 0.0, w["uc"]]]])
    h, (_, _, gates, *_) = gru_forward(a[None, :, None], U, np.zeros((1, 1, 1)))
    return np.concatenate([gates[0, :, 0], h[0, :, 0]], axis=-1)


@needs_node
@pytest.mark.parametrize("seed", range(3))
def test_the_gate_computes_as_the_package_does(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(12)
    weights = {name: 2 * rng.standard_normal() for name in ("wz", "bz", "wr", "br", "wc", "uc")}
    got = call("gru_gate", "gru", x.tolist(), weights)
    got = [[frame[name] for name in ("z", "r", "c", "h")] for frame in got]
    np.testing.assert_allclose(got, package_gru(x, weights), rtol=1e-10)


@needs_node
def test_the_still_gate_is_what_the_widget_begins_with():
    begin = {"x": widgets.INPUT, "weights": widgets.GATES}
    assert call("gru_gate", "beginning") == begin


GATE = """
place.querySelector("select").selectedIndex = 1;
place.querySelector("select").dispatchEvent(new Event("change"));
const wc = place.querySelectorAll("input[type=range]")[4];
wc.value = 1; wc.dispatchEvent(new Event("input"));
place.querySelector("[data-name=x-3]")
  .dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
"""


@needs_browser
def test_one_drags_the_input_and_the_weights_of_the_gate(tmp_path):
    x = np.array(widgets.INPUT, float)
    x[3] = 0.25
    weights = {"wz": 0, "bz": -1.5, "wr": 0, "br": 4, "wc": 1, "uc": 0}
    (old, *_), (z, _, c, h) = package_gru(x, weights)[2, 3:], package_gru(x, weights)[3]
    text = touch("gru_gate", GATE, tmp_path).replace("\N{MINUS SIGN}", "-")
    terms = f"{1 - z:.2g} · {old:.2g} + {z:.2g} · {c:.2g} = {h:.2g}"
    assert f"Frame 3: h = (1 - z) · old h + z · c = {terms}" in text


def test_without_scripts_there_is_a_player_and_the_text(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    play_letters(SOUND, 16000, "a <", TIMES, "a tone")
    still = seen[0].data.split("<script>")[0]
    assert '<audio controls src="data:audio/mpeg;base64,' in still
    assert '<span data-start="0.300"> </span><span data-start="0.500">&lt;</span></p>' in still
    assert "<figcaption>a tone (1.0 s)</figcaption>" in still
    with pytest.raises(ValueError, match="2 letters need as many times, got 3"):
        play_letters(SOUND, 16000, "ab", TIMES)


@needs_node
def test_the_letter_that_is_lit_is_the_one_of_the_alignment():
    logits, _ = distribution(np.random.default_rng(3), 12, 4)
    aligned = forced_align(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), [1, 2, 2, 3])
    starts = aligned.times(20)[:, 0].tolist()
    for t in range(12):
        i = call("lit_letters", "lastStarted", starts, 0.020 * t + 0.001)
        assert i == sum(start <= t for start in aligned.starts) - 1
        if aligned.path[t]:
            assert aligned.path[t] == [1, 2, 2, 3][i]


LETTERS = """
place.querySelector("audio").play = () => {};
place.querySelectorAll("button")[1].click();
place.querySelector("audio").dispatchEvent(new Event("seeked"));
"""


@needs_browser
def test_one_clicks_a_letter(tmp_path):
    text = touch(shown("lit_letters"), LETTERS, tmp_path)
    lit = [bool(re.search("outline", style)) for style in re.findall("<button[^>]*>", text)]
    assert lit == [False, True, False]
    assert "<audio" in text
    assert "a tone (1.0 s)" in text


@needs_node
@pytest.mark.parametrize(("rate", "bins"), [(16000, 161), (4000, 30)])
def test_the_microphone_computes_as_the_package_does(rate, bins):
    samples = np.random.default_rng(0).standard_normal(rate // 10)
    samples[: rate // 20] = 0
    got = call("microphone", "spectrogram", samples.tolist(), rate // 50, rate // 100, bins)
    np.testing.assert_allclose(got, log_spectrogram(samples, rate)[:, :bins], rtol=1e-9, atol=1e-9)


STUB = """<script>
let asked = 0;
Object.defineProperty(navigator, "mediaDevices", { value: {
  getUserMedia: async () => { asked += 1; throw new Error("no, thank you"); } } });
</script>"""
ASK = """
const before = asked;
place.querySelector("button").click();
setTimeout(() => place.append(`asked ${before}, then ${asked}`), 0);
"""


@needs_browser
def test_the_microphone_is_asked_for_and_only_when_one_wants_it(tmp_path):
    text = touch(STUB + widget_html("microphone"), ASK, tmp_path)
    assert "asked 0, then 1" in text
    assert "There is no sound: no, thank you." in text
    assert "Use the microphone" in text
