"""The local Supabase stack. Only its command line and the tests import it."""
