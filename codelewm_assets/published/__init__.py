"""Published evidence: CodeLeWM's own files and anyone's score rows, read, recomputed and judged."""
