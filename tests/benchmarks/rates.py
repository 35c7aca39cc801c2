"""The error rates of a run, for scripts that compare networks."""


def measure_rates(run, manifest, **options):
    """Return WER and CER in percent on a manifest; options: those of `Recogniser.load`."""
    from ds2np.data.manifest import read_manifest
    from ds2np.recogniser import Recogniser
    from ds2np.text import cer, wer

    recogniser = Recogniser.load(run, "cpu", **options)
    utterances = read_manifest(manifest)
    hyps = [recogniser.transcribe(u.audio_filepath, **u.part).text for u in utterances]
    refs = [recogniser.config.alphabet().normalise(u.text) for u in utterances]
    return round(100 * wer(refs, hyps), 2), round(100 * cer(refs, hyps), 2)
