"""Pictures that models draw: asked for, kept as files, shown, deleted."""
