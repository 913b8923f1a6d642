"""What `run.py` is made of. Nothing but Python's own library."""
