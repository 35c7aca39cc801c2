"""Start from the weights of another network, as for a small corpus or another language."""

import dataclasses

from ds2np.errors import UserError

ALPHABET = ("characters", "units")
MAY_DIFFER = (*ALPHABET, "dropout")


def copy_weights(model, source, name):
    """Copy the weights and running statistics of another network.

    With another alphabet, the output layer of ``model`` stays as it is.

    Parameters
    ----------
    model, source : DeepSpeech2
    name : str
        Of the source, for messages.

    Returns
    -------
    bool
        Whether the output layer was copied, too.

    Raises
    ------
    UserError
        If the configurations differ in more than the alphabet and dropout.
    """
    for field in dataclasses.fields(model.config):
        here, there = (getattr(each.config, field.name) for each in (model, source))
        if here != there and field.name not in MAY_DIFFER:
            raise UserError(
                f"{name} cannot be the beginning of this network: its {field.name} is {there}, "
                f"here it is {here}"
            )
    same = all(getattr(model.config, n) == getattr(source.config, n) for n in ALPHABET)
    state = dict(source.state_dict())
    if not same:
        own = model.state_dict()
        state |= {key: own[key] for key in own if key.startswith("output.")}
    model.load_state_dict(state)
    return same
