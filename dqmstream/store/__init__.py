"""The store: what closed lumisections held, kept in SQL beyond the log's retention.

The recorder writes it (`writer`), everybody else reads it (`store`). It is a projection of the
log: positions stand in the same transaction as the data that came before them, so that whatever
crashes, whenever, nothing is lost and nothing counts twice.
"""
