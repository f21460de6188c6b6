"""The last stage of both decoders of sound: against an adversary."""
