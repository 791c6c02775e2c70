"""Tests of modelctl: through its front door where they can be, as laws where they should be."""
