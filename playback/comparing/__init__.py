"""Two releases on the same recording: run, compared, and judged by a policy.

`release` says what is compared, `environment` makes it runnable, `runner` runs one side in a
process of its own into the folder that `results` describes; `difference` compares two such results
without touching anything, `policy` says what may change, `report` tells people and programs.
"""
