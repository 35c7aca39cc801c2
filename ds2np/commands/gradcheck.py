"""Check every backward pass by finite differences."""


def add_options(parser):
    """Add no options."""


def run(args):
    """Print a table; return 1 if a gradient is wrong."""
    from ds2np.gradcheck.report import check_everything

    return check_everything()
