"""Contents of MonitorElements: layout of the flat buffer, sums over windows, views of one."""
