import pytest

from ds2np.errors import UserError
from ds2np.model import DeepSpeech2Config


def test_symbols_may_be_longer_than_a_character():
    config = DeepSpeech2Config(characters=("th", "e", " "))
    assert config.alphabet().symbols == ("th", "e", " ")
    assert DeepSpeech2Config.from_dict(config.to_dict()) == config


def test_an_unknown_kind_of_alphabet_is_refused():
    with pytest.raises(UserError, match="no alphabet of 'runes'; choose characters"):
        DeepSpeech2Config(units="runes").alphabet()
