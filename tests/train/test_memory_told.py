"""The memory told before the first step is what the run takes, also with many symbols."""

import dataclasses
import tracemalloc

import pytest
from helpers import toys

from ds2np.data.dataset import Dataset
from ds2np.model import DeepSpeech2
from ds2np.train.trainer import Trainer
from ds2np.train.trial import try_longest

pytestmark = pytest.mark.usefixtures("no_report")
MANY = " abc" + "".join(chr(0x4E00 + i) for i in range(6000))


def test_the_dry_run_takes_what_the_run_takes(utterances, tmp_path):
    """In arrays and objects of Python; tests/benchmarks/memory_told.py asks the process."""
    model = DeepSpeech2(dataclasses.replace(toys.MODEL, characters=MANY))
    data = Dataset(4 * utterances, model.config)
    config = dataclasses.replace(toys.TRAINING, batch_size=len(data), epochs=1)
    dev = Dataset(utterances[:3], model.config)  # little: training itself has the peak
    trainer, peaks = Trainer(model, data, dev, tmp_path, config), []
    trainer.start()
    tracemalloc.start()
    for run in lambda: try_longest(trainer), trainer.run:
        tracemalloc.reset_peak()
        run()
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[0] == pytest.approx(peaks[1], rel=0.1)
