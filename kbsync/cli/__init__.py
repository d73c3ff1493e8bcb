"""The command line: arguments, composition, exit code."""
