"""Programs of the project's own, each behind a make target; none of them is installed. See README.md."""
