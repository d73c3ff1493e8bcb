"""What kbsync costs, measured beside floors and other clients in one run: `python -m benchmarks`."""
