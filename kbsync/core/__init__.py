"""The pure part: values and rules, without I/O, clock or randomness."""
