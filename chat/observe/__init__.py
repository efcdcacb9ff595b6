"""What operators see: metrics, probes, logs, traces."""
