"""The user's own commits that the upstream lacks: whether a crossing may push them, and why they stay here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from gitferry.pushback.decision import Policy, View
from gitferry.pushback.findings import Weight
from gitferry.pushback.ground import Ground
from gitferry.pushback.readiness import Waits
from gitferry.pushback.sides import Sides
from gitferry.pushback.validation import Validator


class OwnCommits:
    """Those of one plan."""

    def __init__(
        self, ground: Ground, validator: Validator, policy: Policy, sides: Sides, views: Sequence[View]
    ) -> None:
        self._ground = ground
        self._validator = validator
        self._policy = policy
        self._sides = sides
        self._views = views

    @cached_property
    def why_they_stay(self) -> str:
        """Why they may not be pushed now; nothing where they may, or there are none."""
        return self._unwanted or self._unfit

    def require_together(self) -> None:
        """Raise Waits where the sides diverged and these, which a merge would carry, may not go."""
        why, sides = self.why_they_stay, self._sides
        if not why:
            return
        if not self._ground.settings.pushback.push_commits:
            raise Waits(f"{self._named}, and push_commits is false", "git push, or undo them with git")
        upstream = sides.upstream_commit
        if upstream is None or self._ground.objects.is_ancestor(upstream, str(sides.head_commit)):
            return  # nothing to bring together: they simply stay here
        if self._policy.review:
            raise Waits(
                f"{self._named} on {self._ground.state.branch}, and the remote has news too",
                "git pull --rebase: under branch_strategy feature_branch they go to review, never there",
            )
        if not self._unwanted:
            raise Waits(f"{why}; and the remote has news too", "mend the commit: git commit --amend, git rebase -i")
        raise Waits(
            f"{self._named}, and the remote has news too",
            "gitferry push all" if self._policy.push else "`gitferry sync`, which pushes too, or git pull by hand",
        )

    @cached_property
    def _oids(self) -> tuple[str, ...]:
        """Their ids, newest first."""
        sides = self._sides
        if sides.head_commit is None:
            return ()
        known = () if sides.upstream_commit is None else (sides.upstream_commit,)
        return tuple(commit.oid for commit in self._ground.objects.between(known, sides.head_commit))

    @property
    def _named(self) -> str:
        return f"{len(self._oids)} unpushed commit{'' if len(self._oids) == 1 else 's'} of yours"

    @cached_property
    def _unwanted(self) -> str:
        """What of the settings, or of a person's word that is still to come, keeps them here."""
        policy = self._policy
        if not self._oids:
            return ""
        if policy.review or not policy.push or not self._ground.settings.pushback.push_commits:
            return f"{self._named}: `gitferry push all`"
        if policy.approval and not all(view.unit in policy.approved for view in self._views if view.committed):
            return f"{self._named}, whose tasks await approval: `gitferry push approve`"
        if not (policy.approval or policy.automatic or policy.asked_all):
            return f"{self._named}: `gitferry push all`"
        return ""

    @cached_property
    def _unfit(self) -> str:
        """What a check has against one of them."""
        for oid, found in self._validator.commits(self._oids):
            if found.weight is Weight.STOP:
                return f"your commit {oid[:10]}, which is not pushed: {found}"
        return ""
