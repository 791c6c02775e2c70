"""Whether the tools that an export is for read in it what modelctl stands by: the real packages, at fixed versions."""
