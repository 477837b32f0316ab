"""The local Supabase stack. Imported by nothing but the command line and the tests."""
