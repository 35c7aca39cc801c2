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
