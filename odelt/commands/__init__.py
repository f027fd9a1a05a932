"""The verbs of the command line, a module for each room; thin: the rooms do the work.

Imports of the rooms are inside the verbs, so that `odelt --help` is instant and a verb loads only its own world.
"""
