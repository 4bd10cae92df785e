import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit_lib.host import HookRaised, HookRefused, HookTimedOut
from audit_lib.probes.questions.asking import (
    Reply,
    ask,
    ask_many,
    flag,
    floats,
    frame,
    mapping,
    number,
    reasons,
    texts,
)
from audit_lib.probes.questions.domain import Reaction, plain, quantile_mix, reaction


class Scripted:
    """A hook that answers, or raises, what it is given."""

    store = Path("/nowhere/store")

    def __init__(self, *answers):
        self.answers = list(answers)

    def __call__(self, *_):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def many(self, calls):
        return [self.answers.pop(0) for _ in calls]


def test_an_answer_a_refusal_and_a_failure_are_kept_apart():
    hook = Scripted(0.5, HookRefused("h", "too short"), HookRaised("h", "ValueError", "boom"))
    answered, refused, failed = (ask(hook, into=number) for _ in range(3))
    assert (answered.answered, answered.got) == (True, 0.5)
    assert refused.why == "refused: too short"
    assert failed.why == "raised ValueError: boom"
    with pytest.raises(ValueError, match="boom"):
        _ = failed.got


def test_an_answer_of_the_wrong_kind_is_a_failure():
    reply = ask(Scripted([1.0, 2.0]), into=number)
    assert not reply.answered
    assert "wanted one number" in reply.why


def test_many_replies_stand_in_order():
    hook = Scripted(True, HookTimedOut("h", 2), "yes")
    replies = ask_many(hook, [(), (), ()], into=flag)
    assert [r.answered for r in replies] == [True, False, False]
    assert reasons(replies).startswith("no answer within 2 s; killed; answered what")
    assert reasons(replies, limit=1).endswith("; and 1 more")


@pytest.mark.parametrize(
    ("into", "good", "bad"),
    [
        (number, np.float64(2), [1, 2]),
        (flag, np.True_, 1),
        (floats(2), [1, 2], [[1, 2]]),
        (floats(-1, 2), [[1, 2]], [[1, 2, 3]]),
        (frame, pd.Series([1.0], name="x"), [1.0]),
        (mapping, {"a": 1}, [1]),
        (texts, ("a", "b"), ["a", 1]),
    ],
)
def test_converters_take_what_a_hook_promises(into, good, bad):
    into(good)
    with pytest.raises(ValueError, match="wanted"):
        into(bad)


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(refusal=""), Reaction.REFUSED),
        (Reply(failure="x"), Reaction.CRASHED),
        (Reply(value=None), Reaction.UNDEFINED),
        (Reply(value=math.nan), Reaction.UNDEFINED),
        (Reply(value=np.array([np.nan, 1.0])), Reaction.ANSWERED),
        (Reply(value=pd.DataFrame({"a": [np.nan], "b": ["x"]})), Reaction.UNDEFINED),
        (Reply(value=False), Reaction.ANSWERED),
        (Reply(value="text"), Reaction.ANSWERED),
    ],
)
def test_reactions_to_odd_inputs(reply, word):
    assert reaction(reply) is word


def test_numbers_for_tables():
    assert quantile_mix([3.0, 1.0, math.nan, 2.0], 3) == [1.0, 2.0, 3.0]
    assert quantile_mix([math.nan], 3) == []
    assert (plain(1.5), plain(math.inf)) == (1.5, "inf")
