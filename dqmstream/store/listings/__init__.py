"""Lists of what is stored: of runs, lumisections, reports and sets, and of what is not there."""
