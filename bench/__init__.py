"""Benchmarks: what the design sets budgets for, each figure beside a reference that was measured in the same run."""
