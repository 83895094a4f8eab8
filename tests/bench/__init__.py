"""Benches: `make bench` runs all, `python -m tests.bench NAME...` some. Figures are ratios of things measured side by
side in one run, because the machines that run them are noisy; nothing here passes or fails."""
