"""Installing into an app's own Supabase project: its folder of migrations, and its database."""
