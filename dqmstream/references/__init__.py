"""The catalogue of references: what MonitorElements are compared with, and which one when."""
