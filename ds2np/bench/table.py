"""The table of benchmark results."""

NAME_WIDTH = 14


def header(against_torch):
    """Format the header of the table."""
    columns = ("median ms", "min", "max", "GFLOP/s", "of GEMM", "peak MB")
    header = " " * NAME_WIDTH + "".join(f"{column:>10}" for column in columns)
    if against_torch:
        header += f"{'torch ms':>10}{'torch MB':>10}   torch/ours (min-max)"
    return header


def line(name, row):
    """Format the line of an item."""
    cells = [f"{row[key]:.1f}" for key in ("median_ms", "min_ms", "max_ms")]
    cells += (
        [f"{row['gflops']:.1f}", f"{row['share_of_gemm']:.0%}"] if "gflops" in row else [""] * 2
    )
    cells.append(_megabytes(row))
    if "torch" in row:
        cells += [f"{row['torch']['median_ms']:.1f}", _megabytes(row["torch"])]
    line = f"{name:<{NAME_WIDTH}}" + "".join(f"{cell:>10}" for cell in cells)
    if "torch" in row:
        line += f"   {with_range(row['ratio'])}"
    return line.rstrip()


def _megabytes(row):
    return f"{row['peak_bytes'] / 1e6:.0f}" if "peak_bytes" in row else ""


def with_range(ratio):
    """Format a median with its range."""
    return f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})"
