"""`make mutants`: breaks one rule at a time and asks whether the proofs notice.

A mutant names what it breaks, its patch, and the proofs that must fail with it: `proof` is where to
read what protects the rule. A patch that no longer fits is an error, and so is a proof that fails
without any mutant; a mutant that no proof notices is a proof to be written.
"""
