"""Coverage-guided fuzzing of every parser of bytes that others choose: ``make fuzz``, and a minute of it in the suite."""
