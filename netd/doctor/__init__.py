"""The doctor: looks at the daemon and at its machine, and says of each thing whether it is well, and else the remedy."""
