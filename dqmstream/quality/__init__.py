"""Quality tests: declared in a file, compiled at booking, judged per LS and per run. All pure."""
