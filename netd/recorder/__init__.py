"""Records what goes over the bus into files, and answers questions about it."""
