"""The exactness protocol under fire: random schedules, a model of the services, and the laws.

A `Plan` says what may happen, `World` lets it happen on logs in memory, `laws` says what must be
true afterwards. The parts under test are passed in (`Rules`), so that a test can pass wrong ones
and see a law break.
"""
