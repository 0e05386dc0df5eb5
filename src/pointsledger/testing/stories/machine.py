"""
The state machine: everything that a command can be, through time in both directions, told to model and storages.

Its steps know the model's state, so that most commands are accepted; a step that wants a refusal has one cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from ...domain.points import check_count
from ...extras import extra
from ...port import AsyncStorage, Storage
from .desk_steps import DeskSteps
from .key_steps import KeySteps
from .order_steps import OrderSteps
from .point_steps import PointSteps
from .redeeming_steps import RedeemingSteps
from .refused_steps import RefusedSteps
from .time_steps import TimeSteps

with extra("testing", "hypothesis"):
    from hypothesis import HealthCheck, settings
    from hypothesis import seed as seeded
    from hypothesis.stateful import run_state_machine_as_test

_HEALTHY = [
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
]
"""Stories are long, and whoever opens a storage may take his time."""


class LedgerMachine(TimeSteps, PointSteps, RedeemingSteps, DeskSteps, OrderSteps, RefusedSteps, KeySteps):
    """
    A state machine of Hypothesis that moves several accounts of two programs through random stories.

    The naive model and each storage are told the same, and after every step they must agree: on what was accepted, on
    the reason of a refusal, on entries, balances at several instants, lots and notices.
    Subclass it in a test file, name your storages, and let the test runner find its test case::

        class Stories(LedgerMachine):
            storages = {"mine": MyStorage}


        TestStories = Stories.TestCase

    `storages` gives, by name, what opens a new, empty storage. One that is awaited is run in an event loop of its own;
    where it has to be opened in that loop, a coroutine function opens it.
    `hits` counts how often each (command, outcome) was met; an outcome is ``"accepted"``, ``"replayed"`` or the name
    of a refusal.
    """


def compare_with_model(
    storages: Mapping[str, Callable[[], Storage | AsyncStorage]],
    *,
    examples: int = 100,
    steps: int = 50,
    seed: int | None = None,
) -> Counter[tuple[str, str]]:
    """
    Tell random stories to storages and to the naive model, and compare them after every step.

    Args:
        storages: by name, what opens a new, empty storage, awaited or not; see `LedgerMachine`.
        examples: how many stories, at least 1.
        steps: how many steps a story has, at least 1.
        seed: where chance begins; None tells the same stories each time, with one release of Hypothesis.

    Returns how often each command met each outcome: ``"accepted"``, ``"replayed"`` or the name of a refusal.

    Raises:
        AssertionError: a storage does not say what the model says; Hypothesis prints the shortest story that it found.
            What else a storage raises comes out as it is, with the story as well.
        InvalidInput: no storage is named, or a number is none from 1.
    """

    class Stories(LedgerMachine):
        pass

    Stories.storages = dict(storages)
    chosen = settings(
        max_examples=check_count(examples, "examples"),
        stateful_step_count=check_count(steps, "steps"),
        derandomize=seed is None,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=_HEALTHY,
    )
    run_state_machine_as_test(Stories if seed is None else seeded(seed)(Stories), settings=chosen)
    return Stories.hits
