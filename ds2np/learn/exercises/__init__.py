"""The exercises of the chapters, one file for each."""
