"""Adapters from the reader's answers to the package's functions.

The answers take plain arrays; the package's functions pass a cache from forward to backward. Each
adapter takes an answer and returns a function of the package with its replacement, which reads and
writes the package's caches. So each function can be replaced alone.
"""

import functools
import inspect

import numpy as np

from ds2np.audio.level import power_normalise_forward
from ds2np.audio.mel import mel_filters, mel_forward
from ds2np.audio.spectrogram import fill_part
from ds2np.audio.stft import POWER_FLOOR, log_forward
from ds2np.audio.vocoder import accumulate_turns
from ds2np.ctc.loss import ctc_loss, state_posterior
from ds2np.ctc.recursion import PathSums, recurse
from ds2np.ctc.semiring import LOG_ZERO, Logs
from ds2np.data.batches import shard
from ds2np.decode.greedy import collapse, greedy_decode
from ds2np.layers import Conv1D, Conv2D, Sequential
from ds2np.layers.batchnorm import seq_batchnorm_backward, seq_batchnorm_forward
from ds2np.layers.conv1d import conv1d_backward, conv1d_forward
from ds2np.layers.gru import gru_backward_in_place, gru_forward
from ds2np.layers.padding import length_mask
from ds2np.layers.rnn import simple_rnn_backward, simple_rnn_forward
from ds2np.layers.softmax import log_softmax
from ds2np.learn.graduation import adapters_decoding, guard
from ds2np.learn.graduation.faults import Fault
from ds2np.optim import SGD
from ds2np.text import Bigrams, cer

PRIVATE = 0xE000  # where Unicode's characters without a meaning begin


def find_adapter(exercise, answer):
    """Return the package's function that an answer can replace and the replacement, or None."""
    if exercise.function in ADAPTERS:
        return ADAPTERS[exercise.function](answer)
    reference = exercise.reference
    module = getattr(reference, "__module__", "")
    if not module.startswith("ds2np.") or module.startswith("ds2np.learn."):
        return None

    signature = inspect.signature(reference)

    @functools.wraps(reference)
    def call(*arguments, **options):
        arguments = signature.bind(*arguments, **options).args
        result = answer(*arguments)
        dtypes = [a.dtype for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind in "fc"]
        return cast(result, dtypes[0]) if dtypes else result

    return reference, call


def can_replace(exercise):
    """Return whether an answer to an exercise can replace a function of the package."""
    return find_adapter(exercise, None) is not None


def cast(result, dtype):
    """Convert the arrays of floats or complex numbers in a result to the dtype of the network."""
    if isinstance(result, (tuple, list)):
        return type(result)(cast(part, dtype) for part in result)
    kind = np.asarray(result).dtype.kind
    if kind == "f" or kind == "c" == np.dtype(dtype).kind:
        return np.asarray(result, np.zeros(0, dtype).real.dtype if kind == "f" else dtype)
    return result


def _collapse_by(answer):
    return collapse, lambda path: [int(symbol) for symbol in answer(np.array(path, int))]


def _power_spectrum_by(answer):
    def run(out, samples, window, stride, filters, level, start, stop):
        part = samples[start * stride : (stop - 1) * stride + len(window)]
        power = cast(answer(part, window, stride), (out if level is None else level).dtype)
        if level is not None:
            power, _ = power_normalise_forward(power, level[start:stop])
        if filters is not None:
            power, _ = mel_forward(power, filters)
        out[start:stop], _ = log_forward(power, POWER_FLOOR if level is None else 0)

    return fill_part, run


def _mel_filters_by(answer):
    @functools.cache  # like the package's function
    def filters(sample_rate, size, mels):
        return np.asarray(answer(sample_rate, size, mels), float)

    return mel_filters, filters


def _conv1d_forward_by(answer):
    def run(x, W, stride=1, padding=0, precision="float32"):
        _, cache = conv1d_forward(x, W, stride, padding, precision)
        return cast(answer(x, W, stride, padding), x.dtype), cache

    return conv1d_forward, run


def _conv1d_backward_by(answer):
    def run(dout, cache):
        rows, W, (N, T, D), stride, padding, _ = cache
        K, T_out = len(W), dout.shape[1]
        rows = rows.reshape(N, T_out, K, D)
        padded = np.zeros((N, T + 2 * padding, D), dout.dtype)
        for k in range(K):  # frames that no window reaches do not matter
            padded[:, k : k + stride * T_out : stride][:, :T_out] = rows[:, :, k]
        x = padded[:, padding : padding + T]
        return cast(answer(dout, x, W, stride, padding), dout.dtype)

    return conv1d_backward, run


def _length_mask_by(answer):
    return length_mask, lambda lengths, T, like: np.asarray(answer(lengths, T), like.dtype)


def _masked_mean_var_by(answer):
    def run(x, gamma, beta, mask, statistics=None, all_reduce=None):
        if statistics is not None or all_reduce is not None:
            return seq_batchnorm_forward(x, gamma, beta, mask, statistics, all_reduce)
        mean_and_var = cast(tuple(answer(x, mask)), x.dtype)
        out, cache = seq_batchnorm_forward(x, gamma, beta, mask, mean_and_var)
        count = max(mask.sum() * (1 if x.ndim == 3 else x.shape[3]), 1)
        return out, (*cache[:-1], x.dtype.type(count))

    return seq_batchnorm_forward, run


def _seq_batchnorm_backward_by(answer):
    def run(dout, cache, all_reduce=None):
        _, _, normal, inverse_std, gamma, mask, batch_count = cache
        if batch_count is None or all_reduce is not None:
            return seq_batchnorm_backward(dout, cache, all_reduce)
        # The mean of a feature does not change the gradients, so x need not contain it.
        if dout.ndim == 3:
            return cast(answer(dout, normal / inverse_std, gamma, mask[:, :, 0]), dout.dtype)
        N, C, T, F = dout.shape

        def as_frames(x):  # (N, C, T, F) to (N, T * F, C)
            return x.transpose(0, 2, 3, 1).reshape(N, T * F, C)

        x = as_frames(normal) / inverse_std
        real = np.repeat(mask.reshape(N, T), F, axis=1)
        dx, dgamma, dbeta = cast(answer(as_frames(dout), x, gamma, real), dout.dtype)
        return dx.reshape(N, T, F, C).transpose(0, 3, 1, 2), dgamma, dbeta

    return seq_batchnorm_backward, run


def _simple_rnn_forward_by(answer):
    def run(a, U, h0, activation="clipped_relu"):
        if activation != "clipped_relu":
            return simple_rnn_forward(a, U, h0, activation)
        h = cast(answer(a, U, h0), a.dtype)
        return h, (h, h0, U, activation)

    return simple_rnn_forward, run


def _simple_rnn_backward_by(answer):
    def run(dh, cache):
        h, h0, U, activation = cache
        if activation != "clipped_relu":
            return simple_rnn_backward(dh, cache)
        return cast(answer(dh, h, h0, U), dh.dtype)

    return simple_rnn_backward, run


def _gru_forward_by(answer):
    def run(a, U, h0, activation="tanh"):
        if activation != "tanh":
            return gru_forward(a, U, h0, activation)
        h = cast(answer(a, U, h0), a.dtype)
        T, H = h.shape[1], h.shape[3]
        # All states are known, so the gates need no recursion.
        before = np.concatenate([h0[:, None], h[:, : max(T - 1, 0)]], axis=1)[:, :T]
        g = before @ U[:, None]  # (B, T, N, 3H)
        zr = 0.5 + 0.5 * np.tanh(0.5 * (a[..., : 2 * H] + g[..., : 2 * H]))
        c = np.tanh(a[..., 2 * H :] + zr[..., H:] * g[..., 2 * H :])
        gates = np.concatenate([zr, c], axis=-1).astype(a.dtype, copy=False)
        return h, (h, h0, gates, g[..., 2 * H :], U, activation)

    return gru_forward, run


def _gru_backward_by(answer):
    def run(dh, cache):
        h, h0, gates, _, U, activation = cache
        if activation != "tanh":
            return gru_backward_in_place(dh, cache)
        return cast(answer(dh, h, h0, gates, U), dh.dtype)

    return gru_backward_in_place, run


def _ctc_beta_by(answer):
    def run(logits, peaks, lattice, semiring):
        alpha, beta = np.full((2, logits.shape[1], *lattice.symbols.shape), LOG_ZERO)
        log_p = np.where(lattice.fits, 0.0, -np.inf)
        for n in np.flatnonzero(lattice.fits & (lattice.frames > 0)):
            frames, states = lattice.frames[n], lattice.states[n]
            symbols = lattice.symbols[:states, n]
            log_probs = logits[n, :frames] - peaks[n, :frames, None].astype(np.float64)
            to_end = np.asarray(answer(log_probs, symbols[1::2]))
            # alpha is the beta of the reversed sequence.
            from_start = np.asarray(answer(log_probs[::-1], symbols[1::2][::-1]))[::-1, ::-1]
            from_start = from_start + log_probs[:, symbols]
            log_p[n] = np.logaddexp.reduce(from_start[-1, -2:])
            alpha[:frames, :states, n] = np.maximum(from_start - log_p[n], LOG_ZERO)
            beta[:frames, :states, n] = np.maximum(to_end, LOG_ZERO)
        log_scale = np.broadcast_to(log_p, (len(alpha), len(log_p)))
        return PathSums(Logs(np), alpha, beta, log_scale, log_p)

    return recurse, run


def _ctc_logit_gradient_by(answer):
    def run(logits, labels, input_lengths, label_lengths, blank=0):
        given = logits, labels, input_lengths, label_lengths, blank
        loss, package_dlogits = ctc_loss(*given)
        if blank:
            return loss, package_dlogits
        posterior = state_posterior(*given)
        dlogits = np.zeros_like(logits)
        for n in np.flatnonzero(np.isfinite(loss)):
            T, L = input_lengths[n], label_lengths[n]
            log_probs = log_softmax(logits[n, :T])
            dlogits[n, :T] = answer(log_probs, posterior[n, :T, : 2 * L + 1], labels[n, :L])
        return loss, dlogits

    return ctc_loss, run


def _clip_by_norm_by(answer):
    def step(self, ema=None, steps=0):
        clipped, norm = answer(self.grads, self.max_norm)
        if np.isfinite(norm):
            for name, grad in self.grads.items():
                grad[...] = clipped[name]
            self.move(self.learning_rate)
            if ema:
                ema.update(steps)
        return norm

    return SGD.step, step


def _sgd_step_by(answer):
    def move(self, rate):
        moved = answer(self.params, self.grads, self.velocity, rate, self.momentum)
        for arrays, new in zip((self.params, self.velocity), moved, strict=True):
            for name, array in arrays.items():
                array[...] = new[name]

    return SGD.move, move


def _out_lengths_by(answer):
    def run(self, lengths):
        convolutions = []
        for layer in self.sublayers.values():
            if isinstance(layer, Conv1D):
                convolutions.append((layer.kernel, layer.stride, layer.padding))
            elif isinstance(layer, Conv2D):
                convolutions.append((layer.kernel[0], layer.stride[0], layer.padding[0]))
        return np.asarray(answer(lengths, tuple(convolutions)))

    return Sequential.out_lengths, run


def _stack_backward_by(answer):
    def run(self, dout, done=None, to_input=True):
        due, current = list(self.sublayers), dout

        def go_back(name):
            nonlocal current
            layer = self.sublayers[due.pop()]
            current = layer.backward(current)
            if done:
                done(name)
            return guard.protect((current, layer.grads))

        def step(name):
            def one_layer(dout):
                # Before a layer is touched: what goes wrong later could not be taken back.
                if not due or name != due[-1]:
                    expected = f"where that of {due[-1]} is due" if due else "after the last one"
                    raise Fault(f"it calls the backward pass of {name} {expected}")
                if not np.array_equal(dout, current, equal_nan=True):
                    raise Fault(f"it gives {name} another gradient than it has got from above")
                return go_back(name)

            return guard.outside(one_layer)

        try:
            dx, _ = answer(dout, {name: step(name) for name in self.sublayers})
            if due:
                raise Fault(f"it leaves out the backward pass of {due[-1]}")
            if not np.array_equal(dx, current, equal_nan=True):
                raise Fault("it does not return the gradient of the first layer")
        except Exception as error:
            fault = error if isinstance(error, Fault) else Fault("it returns no pair of results")
            while due:
                go_back(due[-1])
            fault.result = current
            raise fault from None
        return current

    return Sequential.backward, run


def _accumulate_turns_by(answer):
    def audible(z):  # -0 and what is nearly 0 have angles, too
        return np.where(np.abs(z) < np.finfo(z.dtype).tiny, 0, z)

    return accumulate_turns, lambda x, later: cast(answer(audible(x), audible(later)), x.dtype)


def _shard_by(answer):
    """Let two processes share each minibatch, and put their shares together again."""

    def join(indices, shares):
        place = {i: k for k, i in enumerate(indices.tolist())}
        return np.array(sorted(np.concatenate(shares).tolist(), key=place.__getitem__), int)

    def run(plan, rank, size):
        if size > 1:
            return answer(plan, rank, size)
        halves = (answer(plan, half, 2) for half in range(2))
        return list(map(join, plan, zip(*halves, strict=True)))

    return shard, run


def _greedy_decode_by(answer):
    def run(log_probs, lengths, alphabet):
        # The answer takes one character for each symbol; a bigram gets one that no text has.
        characters = [
            s if len(s) == 1 else chr(PRIVATE + i) for i, s in enumerate(alphabet.symbols)
        ]
        read = str.maketrans(dict(zip(characters, alphabet.symbols, strict=True)))
        texts = answer(log_probs, lengths, "".join(characters))
        return [text.translate(read) for text in texts]

    return greedy_decode, run


def _cut_bigrams_by(answer):
    def cut(self, text):
        return list(answer(text, [symbol for symbol in self.symbols if len(symbol) == 2]))

    return Bigrams.cut, cut


ADAPTERS = {
    "collapse": _collapse_by,
    "power_spectrum": _power_spectrum_by,
    "mel_filters": _mel_filters_by,
    "conv1d_forward": _conv1d_forward_by,
    "conv1d_backward": _conv1d_backward_by,
    "length_mask": _length_mask_by,
    "masked_mean_var": _masked_mean_var_by,
    "seq_batchnorm_backward": _seq_batchnorm_backward_by,
    "simple_rnn_forward": _simple_rnn_forward_by,
    "simple_rnn_backward": _simple_rnn_backward_by,
    "gru_forward": _gru_forward_by,
    "gru_backward": _gru_backward_by,
    "ctc_beta": _ctc_beta_by,
    "ctc_logit_gradient": _ctc_logit_gradient_by,
    "clip_by_norm": _clip_by_norm_by,
    "sgd_step": _sgd_step_by,
    "out_lengths": _out_lengths_by,
    "greedy_decode": _greedy_decode_by,
    "cut_bigrams": _cut_bigrams_by,
    "stack_backward": _stack_backward_by,
    "accumulate_turns": _accumulate_turns_by,
    "shard": _shard_by,
    "cer": lambda answer: (cer, answer),
    **adapters_decoding.ADAPTERS,
}

# Answers that call functions with effects, so that a second call beside them is not possible.
SELF_CHECKED = {"stack_backward"}
