"""Who may, and what is secret: the vault, the audit log, redaction, the checks on URLs from outside."""
