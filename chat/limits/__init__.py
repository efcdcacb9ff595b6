"""What one user may: models, requests, tokens, a place in the queue."""
