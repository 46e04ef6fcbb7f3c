"""What alerts and bridges share: the conditions that they wait for, the targets that they name, and the deliveries there."""
