"""ctrl-p: all actions of the current screen by name, from the registry."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from .actions import Action, available
from .screens.deck import Deck


class ActionCommands(Provider):
    """Actions that apply where the palette was opened."""

    def _actions(self) -> list[tuple[Action, str]]:
        """Actions and how they are listed."""
        screen = self.screen
        if not isinstance(screen, Deck):
            return []
        found = [
            item
            for item in available(
                screen.where,
                screen.kind(),
                traits=screen.traits(),
                read_only=screen.session.read_only,
                denied=screen.denied(),
            )
            if item.group != "Moving"
        ]
        return [(item, f"{item.title}  ({screen.session.keys.label(item)})") for item in found]

    async def discover(self) -> Hits:
        for action, label in self._actions():
            yield DiscoveryHit(label, partial(self._run, action), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, label in self._actions():
            score = matcher.match(f"{action.title} {action.help}")
            if score > 0:
                yield Hit(score, matcher.highlight(label), partial(self._run, action), help=action.help)

    def _run(self, action: Action) -> None:
        if isinstance(self.screen, Deck):
            self.screen.run_action_of(action)
