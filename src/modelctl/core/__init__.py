"""The pure core: values and decisions. Standard library only; no files, network, environment, clock or output."""
