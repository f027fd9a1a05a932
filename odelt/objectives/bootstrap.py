"""The rules of time consistency (SPEC 4.2, 9.6)."""

from odelt.objectives.objective import Bootstrap

PLAIN = Bootstrap(name="plain")
GUIDED = Bootstrap(name="guided", pairs=True)  # the release's `bootstrap_cfg`
SM = Bootstrap(name="sm", fixes_d=True, clip=4.0)  # SM's own

BOOTSTRAPS: dict[str, Bootstrap] = {rule.name: rule for rule in (PLAIN, GUIDED, SM)}
