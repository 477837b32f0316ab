"""A gateway of the tests' own: all that it takes to add one, and a simulator to talk to."""
