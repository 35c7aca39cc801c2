"""Hold a stand-in against what it stands for: the names, the parameters and their order."""

import inspect


def assert_stands_in(fake, real):
    """Check that every call that a fake takes is one that the real function or class takes.

    A fake class needs not all methods, and a fake function not all optional parameters.
    """
    if not isinstance(fake, type):
        _assert_narrower(fake, real)
        return
    if "__init__" in vars(fake):
        _assert_narrower(fake, real)
    for name, value in vars(fake).items():
        if callable(value) and not name.startswith("_"):
            _assert_narrower(getattr(fake, name), getattr(real, name))
        elif isinstance(value, property):
            assert hasattr(real, name)


def _assert_narrower(fake, real):
    """Check that positional parameters are the first of the real ones, and no other is unknown."""
    own, known = _parameters(fake), _parameters(real)
    positional = [name for name, p in own.items() if p.kind is not p.KEYWORD_ONLY]
    required = [name for name, p in known.items() if p.kind <= 1 and p.default is p.empty]
    unknown = set(own) - set(known)
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        unknown -= {name for name, p in own.items() if p.kind is p.KEYWORD_ONLY}
    message = f"{real} takes {list(known)}"
    assert positional == list(known)[: len(positional)], message
    assert set(required) <= set(own), message
    assert not unknown, message


def _parameters(function):
    return {name: p for name, p in signature(function).parameters.items() if name != "self"}


def signature(function):
    """Return the signature of a function; that of a Cython one is the first line of its help."""
    try:
        return inspect.signature(function)
    except ValueError:
        inside = function.__doc__.partition("\n")[0].partition("(")[2].rpartition(")")[0]
        names = [part.split()[-1] for part in inside.replace("\\", "").split(", ") if part]
        scope = {}
        exec(f"def function({', '.join(names)}): pass", scope)
        return inspect.signature(scope["function"])
