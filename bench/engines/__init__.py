"""The local engine beside others that run the same model."""
