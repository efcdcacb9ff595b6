"""The pages: what their templates and scripts are given."""
