"""
Steps of place and time: another account, another instant, another program.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ...extras import extra
from ..model.plain import Plain
from .shapes import CAPS, EXPIRY, LIMITS, NOTICES, RATES, RESTORE, RULES, with_groups
from .shop import PLACES, Shop

with extra("testing", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.stateful import rule


class TimeSteps(Shop):
    """
    What happens around an account.
    """

    @rule(place=st.sampled_from(PLACES))
    def turn_to_account(self, place: tuple[str, str]) -> None:
        self.at = place

    @rule(step=st.sampled_from([1, 7, 26, 49, 70, 150, 300, 700, -1, -20, -80]))
    def clock_moves(self, step: int) -> None:
        """
        The host's clock goes on, jumps over expiry, or goes back (R-04, I-35).
        """
        self.now += timedelta(hours=step)

    @rule(
        rules=st.sampled_from(RULES),
        limits=st.sampled_from(LIMITS),
        restore=st.sampled_from(RESTORE),
        rates=st.sampled_from(RATES),
        shortfall=st.sampled_from(["debt", "clamp", "refuse"]),
        redeeming=st.sampled_from(["earn_nothing", "net_of_points", "full"]),
        timing=st.sampled_from(["on_processed", "on_save", "on_full_payment", "when_all_lines_invoiced_or_cancelled"]),
        returns=st.sampled_from(["manual", "manual", "automatic", "give_back", "take_back"]),
        use_order=st.sampled_from(["soonest_expiry", "oldest_first"]),
        caps=st.sampled_from(CAPS),
        expiry=st.sampled_from(EXPIRY),
        notices=st.sampled_from(NOTICES),
        approval_above=st.sampled_from([None, 120]),
    )
    def program_changes(
        self,
        rules: Any,
        limits: Any,
        restore: Any,
        rates: Any,
        shortfall: str,
        redeeming: str,
        timing: str,
        returns: str,
        use_order: str,
        caps: Plain,
        expiry: Plain,
        notices: Plain,
        approval_above: int | None,
    ) -> None:
        """
        The merchant changes rules and policies; what is recorded keeps its own (I-8).
        """
        changed = {"rules": rules, "limits": limits, "restore": restore, "rates": rates}
        changed |= {"shortfall": shortfall, "redeeming_orders": redeeming}
        changed |= {"timing": timing, "returns": returns, "use_order": use_order}
        changed |= {"caps": caps, "expiry": expiry, "notices": notices, "approval_above": approval_above}
        self.programs[self.at[0]] = with_groups(self.program | changed)
