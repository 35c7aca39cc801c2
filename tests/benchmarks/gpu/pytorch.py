"""PyTorch's side of the measurements, if it is installed and finds a GPU."""

import contextlib

DEVICE = "cuda"


def find_side():
    """Import PyTorch's side of the benchmark.

    Returns
    -------
    module or None
        `ds2np.bench.torch_side`, or None where there is no PyTorch, or no GPU for it.
    """
    try:
        import torch
    except ImportError:
        return None
    if DEVICE == "cuda" and not torch.cuda.is_available():
        return None
    from ds2np.bench import torch_side

    torch_side.use_all_cores()
    return torch_side


@contextlib.contextmanager
def tf32():
    """Let PyTorch use TF32 for float32 products in a ``with`` block."""
    import torch

    switches = torch.backends.cudnn, torch.backends.cuda.matmul
    for switch in switches:
        switch.allow_tf32 = True
    try:
        yield
    finally:
        for switch in switches:
            switch.allow_tf32 = False


def release_memory():
    """Release the GPU memory that PyTorch keeps."""
    import torch

    torch.cuda.empty_cache()


def recurrent_forward(kind, x, H):
    """Make a function that runs a bidirectional layer forward, without gradients.

    Parameters
    ----------
    kind : {"GRU", "RNN"}
    x : ndarray of shape (N, T, D)
    H : int

    Returns
    -------
    callable
    """
    import torch

    layer = getattr(torch.nn, kind)(x.shape[2], H, bidirectional=True, batch_first=True)
    layer, on_device = layer.to(DEVICE), torch.tensor(x, device=DEVICE)

    def step():
        with torch.no_grad():
            layer(on_device)

    return step


def make_rnn_step(config, training):
    """Make a training step of the paper's network of simple RNNs from PyTorch's modules.

    Parameters
    ----------
    config : DeepSpeech2Config
        With one convolution over time and one dense layer, such as "paper-9-7".
    training : TrainingConfig

    Returns
    -------
    callable
        As `ds2np.bench.torch_side.make_training_step` returns it.
    """
    import torch
    from torch import nn

    H, conv = config.hidden, config.conv[0]
    sizes = [conv.channels, *[H] * config.layers]
    window, stride = conv.kernel[0], conv.stride[0]
    options = {"nonlinearity": "relu", "bidirectional": True, "batch_first": True}
    network = nn.ModuleDict(
        {
            "conv": nn.Conv1d(
                config.features, sizes[0], window, stride, padding=window // 2, bias=False
            ),
            "recurrent": nn.ModuleList(nn.RNN(size, H, **options) for size in sizes[:-1]),
            "norms": nn.ModuleList(nn.BatchNorm1d(size) for size in (*sizes, H)),
            "dense": nn.Linear(H, H, bias=False),
            "output": nn.Linear(H, len(config.alphabet())),
        }
    ).to(DEVICE)
    first, *norms, last = network["norms"]
    optimiser = torch.optim.SGD(
        network.parameters(), training.learning_rate, training.momentum, nesterov=True
    )

    def normalise(norm, h):
        return norm(h.transpose(1, 2)).transpose(1, 2)

    def forward(x):
        h = network["conv"](x.transpose(1, 2))
        h = first(h).clamp(0, 20).transpose(1, 2)
        for layer, norm in zip(network["recurrent"], norms, strict=True):
            h, backward = layer(h)[0].chunk(2, dim=-1)
            h = normalise(norm, h + backward)
        h = normalise(last, network["dense"](h)).clamp(0, 20)
        return network["output"](h)

    def step(x, labels, out_lengths, label_lengths):
        log_probs = forward(x).log_softmax(-1).transpose(0, 1)
        loss = nn.functional.ctc_loss(
            log_probs, labels, out_lengths, label_lengths, reduction="sum"
        )
        optimiser.zero_grad()
        (loss / len(x)).backward()
        nn.utils.clip_grad_norm_(network.parameters(), training.max_norm)
        optimiser.step()

    return step
