"""Pages and an HTTP API for people and programs on this machine: review, drawing a digit, reading a form."""
