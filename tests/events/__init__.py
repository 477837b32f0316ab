"""A storm of events: those who send them are killed at every point of sending."""
