"""Recordings of planned sentences, by several processes of the speech engines."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from tqdm import tqdm

from ds2np.audio.resampling import resample
from ds2np.errors import UserError
from ds2np.machine import without_interrupts
from ds2np.synthesis.engines import SPEAKERS, engine_of

SAMPLE_RATE = 16_000

# A sentence depends on those the library has spoken before. So the batches are the same for every
# number of jobs, and each is spoken by a new process.
BATCH_SIZE = 100


@dataclass(frozen=True)
class Spoken:
    """A sentence, and how it is spoken.

    Attributes
    ----------
    path : str
        Of the recording in the folder of the corpus.
    text, voice : str
    rate, pitch : int
        See `Espeak.say`.
    size : float
        Of the speaker; see `write_recording`.
    pitch_range : int
        See `Espeak.say`.
    """

    path: str
    text: str
    voice: str
    rate: int
    pitch: int
    size: float
    pitch_range: int = 50


def speak_batch(batch):
    """Speak sentences of one engine in a process that has not spoken before.

    Return the recordings, each samples and their sampling rate, and the version of the engine.
    """
    engine = SPEAKERS[engine_of(batch[0].voice)]()
    recordings = [
        engine.say(each.text, each.voice, each.rate, each.pitch, each.pitch_range) for each in batch
    ]
    return recordings, engine.version


def write_recording(path, samples, rate, size):
    """Write speech as 16 kHz PCM16, scaled to the size of the speaker; return its seconds.

    Parameters
    ----------
    path : Path
    samples : ndarray of shape (N,)
    rate : int
        Sampling rate in Hz.
    size : float
        A factor for all frequencies and the speed; above 1 is a smaller person.
    """
    import soundfile

    rate = 50 * round(rate * size / 50)  # a common divisor keeps the resampling filter short
    samples = resample(samples, rate, SAMPLE_RATE)
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    return len(samples) / SAMPLE_RATE


def _record_batch(folder, batch):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        try:
            with without_interrupts():  # on Ctrl-C it finishes its batch
                answer = process.submit(speak_batch, batch)
            recordings, version = answer.result()
        except BrokenProcessPool:
            raise UserError(
                f"{engine_of(batch[0].voice)} crashed while it spoke one of the {len(batch)} "
                f'sentences from "{batch[0].text}" on; another seed gives other sentences'
            ) from None
    durations = {
        spoken.path: write_recording(folder / spoken.path, *recording, spoken.size)
        for spoken, recording in zip(batch, recordings, strict=True)
    }
    return durations, version


def record(folder, spoken, jobs):
    """Record sentences with several processes at a time, showing the progress.

    Parameters
    ----------
    spoken : sequence of Spoken
    jobs : int
        Processes at a time; they do not change the result.

    Returns
    -------
    durations : dict of str to float
        Seconds by path.
    versions : dict of str to str
        Those of the engines that spoke.

    Raises
    ------
    UserError
        If an engine is missing, or has no such voice.
    """
    of_engine = {}
    for each in spoken:
        of_engine.setdefault(engine_of(each.voice), []).append(each)
    batches = [
        (engine, some[start : start + BATCH_SIZE])
        for engine, some in of_engine.items()
        for start in range(0, len(some), BATCH_SIZE)
    ]
    durations, versions = {}, {}
    threads = ThreadPoolExecutor(jobs)
    try:
        futures = {
            threads.submit(_record_batch, folder, batch): engine for engine, batch in batches
        }
        with tqdm(total=len(spoken), desc="speaking", unit="sentence") as progress:
            for future in as_completed(futures):
                seconds, versions[futures[future]] = future.result()
                durations.update(seconds)
                progress.update(len(seconds))
    finally:
        threads.shutdown(cancel_futures=True)
    return durations, versions
