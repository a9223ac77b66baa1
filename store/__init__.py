"""What is remembered: an index of what git knows, made anew where it is lost; the vault's records; the audit log."""
