"""Home-made protocols that the configuration describes: ``[wire:NAME]``."""
