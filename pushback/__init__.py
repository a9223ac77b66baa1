"""What goes back: deciding what crosses, carrying it, recording it, undoing it."""
