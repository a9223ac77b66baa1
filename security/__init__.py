"""Who may, and what is secret: redaction and the checks on URLs from outside."""
