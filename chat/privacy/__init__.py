"""Who reads, what is kept, what goes: review, audit, holds, retention, erasure."""
