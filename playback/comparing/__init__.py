"""Two releases on the same recording: run, compared, and judged by a policy.

`command` does it from the beginning to the report. Where things are:

- what is compared: `release` (what can be named), `choice` (workspaces, tests, rules, references);
- made ready to run: `environment`, of `unpacked` files, what they need (`requirements`) and what is
  there (`distributions`, a script; `dependencies`, what it found and what of it differs), if need
  be with an `installation`; `identity` is its hash; `programs` runs git, pip and Pythons;
- run: `side` starts a process of `runner`, or finds its result; in it `playing` of what is
  `recorded`, with `judging`, `held_references` and `costs`; the result is a folder, see `results`;
- made already: `archive`, with `archive_folder` and `exported`;
- compared: `difference`, which touches nothing, by `reading` both, of their `bookings`, `fillings`,
  `contents` with `statistics`, `verdicts`, `spending` and `plot_memory`; what differs is a
  `finding`, and `policy` says which may be;
- told: `report`, as `markdown` and as `html`, with plots by `overlay`;
- `cache` keeps releases and results, within bounds.
"""
