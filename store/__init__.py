"""What is remembered: an index of what git knows, kept in SQLite or PostgreSQL; deleting it loses nothing."""
