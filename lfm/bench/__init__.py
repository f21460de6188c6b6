"""How fast this machine runs a model, and how close that is to what the machine can do.

    python -m lfm bench --model FOLDER

Parts are timed alone, each in turn with a probe of the memory's bandwidth or of the processor's rate, so that a machine that
slows down for a while slows both; then whole requests, as a page makes them.
"""
