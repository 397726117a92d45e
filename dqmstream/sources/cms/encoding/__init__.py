"""Event payloads written: the other direction of `dqmstream.sources.cms.decoding`."""
