"""Reports, each computed a second way."""
