"""What people ask of a whole suite, and no rule calls."""

from odelt.verbs.verb import Verb

VERBS = (
    Verb("plan", help="what the suite, or a part of it, will cost"),
    Verb(
        "doctor",
        help="what is missing here for the suite, or a part of it; with --online, which sources are not where they "
        "should be; exit status 1 if anything is missing",
    ),
    Verb(
        "clean",
        help="what a suite's results hold that can be made again and is in no table: lists it, removes it with --yes",
    ),
    Verb("schema", help="the JSON schema of a suite, as YAML"),
)
