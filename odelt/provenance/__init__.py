"""Where every number comes from: records beside the outputs, and the audit that follows them.

A verb only reads and writes. The functions that read call `used`, the atomic writes call `made`, and the command line
writes a record beside each output when the verb has succeeded (`odelt.provenance.recording`). Elsewhere nobody traces,
and both do nothing.
"""

from odelt.trace import made, retold, separately, used

__all__ = ["made", "retold", "separately", "used"]
