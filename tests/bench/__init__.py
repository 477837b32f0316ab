"""The cost of Coinslot: each figure beside its floor, taken in the same run.

`make bench` runs all of it on a stack of its own and writes `results.json` and docs/benchmarks.md;
`make bench QUICK=1` runs a little of everything, to keep it working, and judges nothing.
"""
