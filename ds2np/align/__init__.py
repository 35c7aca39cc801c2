"""Building a corpus from long recordings and their texts: align, cut, filter. See chapter 15."""
