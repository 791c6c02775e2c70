"""How fast modelctl is, each figure as a ratio against a reference that is measured in turn in the same run."""
