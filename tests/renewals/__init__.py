"""A storm of renewals: people subscribe at every gateway, and are charged while everything fails."""
