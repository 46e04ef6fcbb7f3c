"""The pages of ``docs/tutorials``, followed step by step as a reader would."""
