"""The last stage of both decoders of sound: until they are understood, then against an adversary."""
