import numpy as np
import pytest
import toys

from ds2np.ctc import ctc_loss
from ds2np.data.batches import make_batch
from ds2np.train.evaluate import evaluate, transcribe


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_the_order_is_that_of_the_data_set(trained, batch_size):
    model, dataset = trained
    evaluation = evaluate(model, dataset, batch_size)
    assert evaluation.refs == list(toys.TEXTS[:4])
    assert evaluation.hyps == [transcribe(model, u.audio_filepath) for u in dataset.utterances]
    assert any(evaluation.hyps)  # a network that writes nothing would prove nothing


def test_the_loss_is_the_mean_over_utterances(trained):
    model, dataset = trained
    losses = []
    for i in range(len(dataset)):
        batch = make_batch(dataset, np.array([i]))
        logits, lengths = model.forward(batch.x, batch.lengths)
        losses += ctc_loss(logits, batch.labels, lengths, batch.label_lengths)[0].tolist()
    assert evaluate(model, dataset, 3).loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_evaluation_changes_no_weight(trained):
    model, dataset = trained
    before = {name: value.copy() for name, value in model.state_dict().items()}
    model.set_training(True)
    evaluate(model, dataset)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_progress_counts_utterances(trained):
    counts = []
    evaluate(*trained, batch_size=3, progress=counts.append)
    assert counts == [3, 1]


def test_it_prints_percentages(trained):
    evaluation = evaluate(*trained)
    assert f"WER {100 * evaluation.wer:.1f} %  CER {100 * evaluation.cer:.1f} %" in str(evaluation)
