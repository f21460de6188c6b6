"""What the four voices would say: the codec's vectors as a function of phones, and so codes that can be learned, for any sentence."""
