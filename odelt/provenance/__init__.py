"""What a command leaves behind: a record beside each output.

A verb only reads and writes, and `odelt.trace` notes what. When the verb has succeeded, `recording` writes a record
beside each output; `record` says what it holds, and `parameters` what a suite expects in it.
"""
