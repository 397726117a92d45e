"""The group's state machine: shares are disjoint, complete and even, and given out together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import LogError
from dqmstream.transport.groups import Membership, share_out

TOPICS = st.dictionaries(st.sampled_from("tuv"), st.integers(1, 9), min_size=1)
MEMBERS = st.sets(st.sampled_from("abcdef"), min_size=1)


@given(TOPICS, MEMBERS)
def test_every_partition_has_one_reader_and_shares_differ_by_one_at_most(topics, members):
    shares = share_out({member: frozenset(topics) for member in members}, topics)
    everything = {(topic, n) for topic, count in topics.items() for n in range(count)}
    assert frozenset().union(*shares.values()) == everything
    sizes = [len(share) for share in shares.values()]
    assert sum(sizes) == len(everything)
    assert max(sizes) - min(sizes) <= 1


@given(TOPICS, MEMBERS, st.data())
def test_members_get_only_topics_they_read(topics, members, data):
    reads = {m: frozenset(data.draw(st.sets(st.sampled_from(sorted(topics))))) for m in members}
    shares = share_out(reads, topics)
    for member, share in shares.items():
        assert {topic for topic, _ in share} <= reads[member]
    read = frozenset().union(*reads.values())
    assert sum(map(len, shares.values())) == sum(topics[topic] for topic in read)


@given(MEMBERS)
def test_the_order_of_joining_does_not_matter(members):
    topics = {"t": 7}
    forth = share_out(dict.fromkeys(sorted(members), frozenset(topics)), topics)
    back = share_out(dict.fromkeys(sorted(members, reverse=True), frozenset(topics)), topics)
    assert forth == back


@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "enter"]), st.sampled_from("abc"))))
def test_no_partition_is_ever_read_by_two_members(steps):
    """Whatever the order of joins, leaves and entries, what members hold never overlaps."""
    membership, held = Membership("group"), {}
    for step, member in steps:
        if step == "join" and member not in held:
            membership.join(member, {"t": 4})
            held[member] = frozenset()
        elif step == "leave" and member in held:
            membership.leave(member)
            del held[member]
        elif step == "enter" and member in held:
            if not membership.entered(member):
                held[member] = frozenset()
                membership.enter(member)
            share = membership.share(member)
            if share is not None:
                held[member] = share
        assert sum(map(len, held.values())) == len(frozenset().union(*held.values()))
    assert len(membership) == len(held)


@given(MEMBERS)
def test_shares_are_known_when_the_last_member_has_entered(members):
    membership = Membership("group")
    for member in members:
        membership.join(member, {"t": 4})
    for member in sorted(members):
        assert membership.share(member) is None
        membership.enter(member)
    assert sum(len(membership.share(member)) for member in members) == 4


def test_a_name_can_be_used_once():
    membership = Membership("fillers")
    membership.join("a", {"t": 1})
    with pytest.raises(LogError, match="fillers already has a member 'a'"):
        membership.join("a", {"t": 1})
