"""Who may connect: the rules of a section, and the proofs that its connections give."""
