"""What staff see in numbers: hourly sums, overview, usage, charts."""
