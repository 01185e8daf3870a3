"""What fewer bits cost and give."""
