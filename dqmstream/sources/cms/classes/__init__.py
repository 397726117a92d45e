"""Classes of CMS event payloads: what their members are, as tables, one for each version.

Nothing here is code for one class: a new class or version is a new table.
"""
