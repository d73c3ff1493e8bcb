"""The I/O: files, network, database, environment."""
