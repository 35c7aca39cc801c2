"""Resampling: the filter's response, its formula written out, and signals in chunks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.audio.resampling import BETA, REACH, Resampler, find_source, resample

PAIRS = [(48000, 16000), (44100, 16000), (8000, 16000), (16000, 8000), (22050, 16000)]
ODD = [(44101, 16000), (7999, 16000), (16000, 15999)]  # of no small ratio


def gain(hertz, rate, new_rate, dtype=np.float64):
    """Power of what comes of a tone, away from the edges, over the tone's, in decibels."""
    seconds = 0.3
    tone = np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    middle = resample(tone.astype(dtype), rate, new_rate).astype(float)[new_rate // 10 :]
    return 10 * np.log10(2 * (middle[: new_rate // 10] ** 2).mean())


@pytest.mark.parametrize(("rate", "new_rate"), PAIRS + ODD)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_pass_band_is_flat_up_to_nine_tenths(rate, new_rate, dtype):
    half = min(rate, new_rate) / 2
    for share in (0.01, 0.3, 0.7, 0.8, 0.9):
        tolerance = 0.01 if share > 0.05 else 0.1  # the average of few periods is not exact
        assert gain(share * half, rate, new_rate, dtype) == pytest.approx(0, abs=tolerance)


@pytest.mark.parametrize(("rate", "new_rate"), [p for p in PAIRS + ODD if p[0] > 1.1 * p[1]])
def test_what_the_new_rate_cannot_represent_is_weakened_by_90_decibels(rate, new_rate):
    half = new_rate / 2
    for hertz in np.linspace(1.001 * half, min(2.5 * half, 0.499 * rate), 9):
        assert gain(hertz, rate, new_rate) < -90


def test_speech_at_16_kilohertz():
    for rate in (44100, 48000):
        assert gain(7200, rate, 16000) == pytest.approx(0, abs=0.01)
        assert gain(8200, rate, 16000) < -90
        assert gain(8200, rate, 16000, np.float32) < -90


@pytest.mark.parametrize(("rate", "new_rate"), [p for p in PAIRS + ODD if p[0] < p[1]])
def test_no_images_appear_above_the_old_band(rate, new_rate):
    out = resample(np.sin(2 * np.pi * 0.4 * np.arange(4000)), rate, new_rate)
    power = np.abs(np.fft.rfft(out * np.blackman(len(out)))) ** 2
    above = power[round(1.02 * len(power) * rate / new_rate) :]
    assert 10 * np.log10(above.max() / power.max()) < -90


@pytest.mark.parametrize(("rate", "new_rate"), [(3, 2), (2, 3), (1, 3), (441, 160), (4001, 3989)])
def test_the_sum_over_the_old_samples_written_out(rng, rate, new_rate):
    x = rng.standard_normal(300)
    scale = max(1, rate / new_rate)
    places = np.arange(-(-300 * new_rate // rate)) * rate / new_rate
    t = (places[:, None] - np.arange(300)) / scale
    inside = np.sqrt(np.maximum(1 - (t / REACH) ** 2, 0))
    h = 0.95 * np.sinc(0.95 * t) * np.i0(BETA * inside) / np.i0(BETA) / scale
    expected = np.where(np.abs(t) <= REACH, h, 0) @ x
    np.testing.assert_allclose(resample(x, rate, new_rate), expected, atol=3e-5)


@pytest.mark.parametrize(("rate", "new_rate"), PAIRS + ODD)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_length_dtype_delay_and_constants(rate, new_rate, dtype):
    for count in (0, 1, 2, 799, 800):
        out = resample(np.ones(count, dtype), rate, new_rate)
        assert (out.dtype, len(out)) == (dtype, -(-count * new_rate // rate))
    constant = resample(np.ones(3000, dtype), rate, new_rate)
    middle = constant[len(constant) // 3 : 2 * len(constant) // 3]
    np.testing.assert_allclose(middle, 1, atol=1e-5)
    click = np.zeros(3000, dtype)
    click[1500] = 1
    peak = resample(click, rate, new_rate).argmax() * rate / new_rate
    assert peak == pytest.approx(1500, abs=max(1, rate / new_rate) / 2)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    places=st.lists(st.integers(0, 3000), max_size=12),
    rates=st.sampled_from([*PAIRS, *ODD, (10, 11), (16000, 16000), (1, 7)]),
)
def test_chunks_of_any_size_give_the_whole(places, rates):
    samples = np.random.default_rng(1).standard_normal(3000).astype(np.float32)
    resampler = Resampler(*rates)
    parts = [resampler.push(piece) for piece in np.split(samples, sorted(places))]
    got = np.concatenate([*parts, resampler.finish()])
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, resample(samples, *rates), rtol=0, atol=2e-6)


def test_a_stream_is_returned_as_soon_as_its_filter_allows():
    resampler, chunk = Resampler(48000, 16000), np.zeros(4800, np.float32)
    assert sum(len(resampler.push(chunk)) for _ in range(10)) > 15800
    assert len(resampler.finish()) < 200


@pytest.mark.parametrize("rates", [*PAIRS, *ODD, (16000, 16000)])
def test_a_part_needs_only_its_source(rng, rates):
    samples = rng.standard_normal(9000).astype(np.float32)
    whole = resample(samples, *rates)
    for first, count in ((0, 10), (1000, 100), (2999, None)):
        begin, end, skip = find_source(first, count, *rates)
        part = resample(samples[begin:end], *rates)[skip:][:count]
        stop = None if count is None else first + count
        np.testing.assert_allclose(part, whole[first:stop], atol=2e-6)


@pytest.mark.parametrize("rates", [(1_000_000, 100), (999_983, 16000), (100, 99_991)])
def test_extreme_rates_need_no_huge_filter(rates):
    assert len(resample(np.ones(1000, np.float32), *rates)) == -(-1000 * rates[1] // rates[0])
