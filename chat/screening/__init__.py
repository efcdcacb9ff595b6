"""The guard at work: rules against questions and answers, and what they found."""
