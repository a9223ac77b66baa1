"""What the user wants: settings, their faults, their paths, and the error every room raises."""
