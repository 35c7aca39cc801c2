"""The CTC loss against PyTorch's, frozen by tests/frozen/make_torch.py."""

from pathlib import Path

import numpy as np
import pytest

from ds2np.ctc import ctc_loss

FILE = Path(__file__).parents[1] / "frozen" / "torch.npz"


@pytest.mark.parametrize("blank", [0, 3])
def test_loss_and_gradient_equal_pytorchs(blank):
    """Repeats, an empty transcript, tight fits and transcripts that do not fit."""
    prefix = f"ctc, blank {blank}/"
    with np.load(FILE) as file:
        case = {k.removeprefix(prefix): file[k] for k in file.files if k.startswith(prefix)}
    loss, dlogits = ctc_loss(
        case["logits"], case["labels"], case["input_lengths"], case["label_lengths"], blank
    )
    assert np.isinf(loss).tolist() == [n in (4, 6) for n in range(9)]
    zero_infinity = np.where(np.isinf(loss), 0, loss)
    np.testing.assert_allclose(zero_infinity, case["loss"], rtol=1e-12)
    weighted = dlogits * case["weight"][:, None, None]
    np.testing.assert_allclose(weighted, case["dlogits"], rtol=0, atol=1e-12)
