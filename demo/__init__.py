"""The demo model that ships with Chatsite: corpus, tokenizer, training, scores."""
